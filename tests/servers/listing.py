# SPDX-License-Identifier: MIT
"""One page of a listing, and the Link header that leads to the next one, right or wrong."""
from urllib.parse import urlencode

# effect["link"]: how the Link header of a page that is not the last one looks.
LINKS = {
    "relative": '<{path}?{query}>; rel="next"',
    "absolute": '<http://{host}{path}?{query}>; rel="next"',
    "foreign": '<http://registry.invalid:1{path}?{query}>; rel="next"',  # Nexus and proxies do this
    "loop": '<{path}?{loop}>; rel="next"',
    "wrong-path": '</repository/group{path}?{query}>; rel="next"',
    "none": "",
    "garbage": "<<>; rel=next, \"",
}


def listing(request, effect, names, limit):
    """Returns the names of the page that was asked for (None: null) and its Link header, or None."""
    if effect.get("null"):
        return None, None
    names = effect.get("names", names)
    if effect.get("ignore_n"):
        limit = None
    limit = effect.get("page", limit)
    last = None if effect.get("ignore_last") else request.query.get("last")
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
        query=urlencode({"last": names[-1], "n": limit}), loop=urlencode({"last": "", "n": limit}))
    return names, link or None
