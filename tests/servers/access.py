# SPDX-License-Identifier: MIT
"""Who may ask the fault registry: nobody is checked, Basic, or Bearer with a token endpoint of its own."""
import base64
import secrets
import time

from servers.answers import as_json, failure

CHALLENGE = "Www-Authenticate"


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
        """mode: none, basic, bearer. For bearer also: expires_in, field, realm, scopes (False: grants nothing), and
        actions: what the user may do (default: all; "pull" alone: a reader's token, whatever was asked for)."""
        self.mode = settings.get("mode", "none")
        self.user = settings.get("user")
        self.password = settings.get("password")
        self.expires_in = settings.get("expires_in", 300)
        self.field = settings.get("field", "token")
        self.realm = settings.get("realm")
        self.grants = settings.get("scopes", True)
        self.actions = settings.get("actions")
        self.tokens = {}  # token -> (scopes, when it ends)

    def refuse(self, request):
        """None: the request may pass; else the answer that it gets."""
        if self.mode == "none" or request.kind == "token" or request.listener != "main":
            return None
        if self.mode == "basic":
            return None if self.basic(request) else self.unauthorized('Basic realm="fault"')
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

    @staticmethod
    def unauthorized(challenge):
        return failure(401, "UNAUTHORIZED", "authentication required", headers={CHALLENGE: challenge})

    def basic(self, request):
        given = request.headers.get("authorization", "")
        right = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return given == "Basic " + right

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
