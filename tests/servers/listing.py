# SPDX-License-Identifier: MIT
"""One page of a listing, and the Link header that leads to the next one, right or wrong."""
import base64
from urllib.parse import urlencode

# effect["link"]: how the Link header of a page that is not the last one looks.
LINKS = {
    "relative": '<{path}?{query}>; rel="next"',
    "absolute": '<http://{host}{path}?{query}>; rel="next"',
    "foreign": '<http://registry.invalid:1{path}?{query}>; rel="next"',  # Nexus and proxies do this
    "loop": '<{path}?{loop}>; rel="next"',
    "wrong-path": '</repository/group{path}?{query}>; rel="next"',
    "nexus": '<http://{host}/repository/docker{path}?{query}>; rel="next"',
    "artifactory": '</v2/{short}?{query}>; rel="next"',
    "zero": '<{path}?{zero}>; rel="next"',
    "several": '<{path}>; rel="first", <{path}?{query}>; rel="next"',
    "token": '<{path}?{token}>; rel="next"',
    "lines": '<{path}>; rel="first"\r\nLink: <{path}?{token}>; rel="next"',
    "opaque": '<https://{host}{path}?{opaque}>; rel="next"',
    "none": "",
    "garbage": "<<>; rel=next, \"",
}


def sealed(name):
    """A token that means a name, and that nobody else is to understand."""
    return "tk." + base64.urlsafe_b64encode(name.encode()).decode()


def opened(token):
    return base64.urlsafe_b64decode(token.removeprefix("tk.")).decode()


def start(request, effect):
    """The name after which the page begins, or None. ValueError: it takes tokens alone, and that is none."""
    link, last = effect.get("link"), request.query.get("last")
    if link in ("token", "lines"):
        token = request.query.get("next_page")
        return opened(token) if token else None
    if link == "opaque" and last is not None:
        if not last.startswith("tk."):
            raise ValueError(last)
        return opened(last)
    return last


def listing(request, effect, names, limit):
    """Returns the names of the page that was asked for (None: null) and its Link header, or None."""
    if effect.get("null"):
        return None, None
    names = effect.get("names", names)
    if effect.get("ignore_n"):
        limit = None
    if effect.get("order") == "reversed":
        names = list(reversed(names))
    limit = effect.get("page", limit)
    if request.query.get("n") == "0":
        return [], None
    last = None if effect.get("ignore_last") else start(request, effect)
    if last in names:
        names = names[names.index(last) + 1:]
    elif last is not None:
        names = [n for n in names if n.split("/") > last.split("/")]
    if limit is None or len(names) <= limit:
        return names, None
    names = names[:limit]
    if not names:
        return names, None
    link = LINKS[effect.get("link", "relative")].format(
        path=request.path, host=request.headers.get("host", ""),
        short=request.path.split("/", 3)[-1], zero=urlencode({"n": 0, "last": names[-1]}),
        token=urlencode({"next_page": sealed(names[-1]), "n": limit}),
        opaque=urlencode({"last": sealed(names[-1])}),
        query=urlencode({"last": names[-1], "n": limit}), loop=urlencode({"last": "", "n": limit}))
    return names, link or None
