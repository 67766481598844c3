# SPDX-License-Identifier: MIT
"""Who may ask the fault registry: nobody is checked, Basic, Digest, or Bearer with a token endpoint of its own."""
import base64
import hashlib
import re
import secrets
import time

from servers.answers import as_json, failure

CHALLENGE = "Www-Authenticate"


REALM = "digested"


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def parts(scope):
    """repository:NAME:pull,push as (repository:NAME, {pull, push})"""
    name, _, actions = scope.rpartition(":")
    return name, set(actions.split(","))


def covered(scope, scopes):
    name, actions = parts(scope)
    granted = set().union(*(parts(s)[1] for s in scopes if parts(s)[0] == name))
    return actions <= granted


def allowed(scope, actions):
    """What of a scope is granted to whom only these actions on repositories are allowed."""
    name, asked = parts(scope)
    if not name.startswith("repository:"):
        return scope
    return name + ":" + ",".join(sorted(asked & set(actions)))


class Access:
    def __init__(self):
        self.configure({})

    def configure(self, settings):
        """mode: none, basic, digest, bearer; also: one more challenge, in a header of its own. For bearer also: expires_in, field, realm, scopes (False: grants nothing), and
        actions: what the user may do (default: all; "pull" alone: a reader's token, whatever was asked for)."""
        self.mode = settings.get("mode", "none")
        self.user = settings.get("user")
        self.password = settings.get("password")
        self.expires_in = settings.get("expires_in", 300)
        self.field = settings.get("field", "token")
        self.realm = settings.get("realm")
        self.grants = settings.get("scopes", True)
        self.actions = settings.get("actions")
        self.also = settings.get("also")
        self.nonce = secrets.token_hex(16)
        self.tokens = {}  # token -> (scopes, when it ends)

    def refuse(self, request):
        """None: the request may pass; else the answer that it gets."""
        if self.mode == "none" or request.kind == "token" or request.listener != "main":
            return None
        if self.mode == "basic":
            return None if self.basic(request) else self.unauthorized('Basic realm="fault"')
        if self.mode == "digest":
            return None if self.digest(request) else self.unauthorized(
                f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{self.nonce}"')
        scope = self.scope(request)
        given = request.headers.get("authorization", "")
        scopes, ends = self.tokens.get(given.removeprefix("Bearer "), ((), 0))
        valid = given.startswith("Bearer ") and time.monotonic() < ends
        if valid and (not scope or covered(scope, scopes)):
            return None
        challenge = f'Bearer realm="{self.realm or self.own(request)}",service="fault"'
        challenge += f',scope="{scope}"' if scope else ""
        return self.unauthorized(challenge + (',error="insufficient_scope"' if valid else ""))

    @staticmethod
    def own(request):
        return f"http://{request.headers.get('host')}/token"

    @staticmethod
    def scope(request):
        if request.kind == "catalog":
            return "registry:catalog:*"
        actions = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}.get(request.method, "pull,push")
        return f"repository:{request.repository}:{actions}" if request.repository else ""

    def unauthorized(self, challenge):
        headers = {CHALLENGE.upper(): self.also} if self.also else {}  # another one of that name
        return failure(401, "UNAUTHORIZED", "authentication required", headers={**headers, CHALLENGE: challenge})

    def basic(self, request):
        given = request.headers.get("authorization", "")
        right = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return given == "Basic " + right

    def digest(self, request):
        """RFC 7616, 3.4.1, with qop=auth."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        given = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', rest)}
        if scheme != "Digest" or given.get("nonce") != self.nonce or given.get("uri") != request.target:
            return False
        who = md5(f"{self.user}:{REALM}:{self.password}")
        what = md5(f"{request.method}:{request.target}")
        right = md5(":".join([who, self.nonce, given.get("nc", ""), given.get("cnonce", ""), given.get("qop", ""), what]))
        return given.get("username") == self.user and given.get("response") == right

    def token(self, request):
        """The token endpoint. Without a user configured anybody gets one."""
        if self.user is not None and not self.basic(request):
            return failure(401, "UNAUTHORIZED", "wrong user or password")
        token = secrets.token_hex(16)
        scopes = request.queries.get("scope", []) if self.grants else []
        if self.actions is not None:
            scopes = [allowed(scope, self.actions) for scope in scopes]
        self.tokens[token] = (tuple(scopes), time.monotonic() + self.expires_in)
        return as_json({self.field: token, "expires_in": self.expires_in})
