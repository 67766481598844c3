# SPDX-License-Identifier: MIT
"""A token server as distribution's token and OAuth2 specifications have it: JWTs signed by a key of its own.

It runs on threads of the test, which sets its attributes: who may do what, and how it behaves. openssl makes
the key and signs, so that no other library is needed.
"""
import base64
import json
import secrets
import subprocess
import threading
import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SERVICE, ISSUER = "test-registry", "test-issuer"


@dataclass
class User:
    password: str
    rights: dict = field(default_factory=dict)  # "repository:team/*" or "registry:catalog": {"pull", ...}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_key(folder, name):
    """(certificate, key) of an issuer."""
    cert, key = folder / f"{name}-cert.pem", folder / f"{name}-key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=issuer",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class TokenServer:
    """users: {name: User}; the name None is for who shows no login."""

    def __init__(self, folder):
        self.folder = folder
        self.cert, self.key = make_key(folder, "right")
        self.users = {}
        self.identities = {}  # identity token -> name of its user
        self.rotate = False   # each identity token is good for one request, and answered with the next
        self.get = self.post = True  # the methods that it knows
        self.life = 300       # seconds
        self.skew = 0         # seconds by which its clock goes wrong
        self.field = "token"
        self.requests = []    # what it was asked, in order
        self.lock = threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.http.daemon_threads = True
        self.host = "127.0.0.1:%d" % self.http.server_address[1]
        self.realm = f"http://{self.host}/auth/token"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def settings(self):
        """What a registry is told of it: distribution's auth section."""
        return {"token": {"realm": self.realm, "service": SERVICE, "issuer": ISSUER,
                          "rootcertbundle": str(self.cert)}}

    # Tokens

    def grant(self, name, scope):
        """The part of a scope that the user has a right to, as an entry of the access claim."""
        kind, _, rest = scope.partition(":")
        thing, _, actions = rest.rpartition(":")
        held = set().union(*(actions for pattern, actions in self.users[name].rights.items()
                             if fnmatchcase(f"{kind}:{thing}", pattern)))
        return {"type": kind, "name": thing, "actions": sorted(set(actions.split(",")) & held)}

    def sign(self, claims):
        der = subprocess.run(["openssl", "x509", "-in", self.cert, "-outform", "DER"], check=True,
                             capture_output=True).stdout
        header = {"alg": "RS256", "typ": "JWT", "x5c": [base64.b64encode(der).decode()]}
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(), check=True,
                                   capture_output=True).stdout
        return f"{text}.{base64url(signature)}"

    def token(self, name, scopes):
        now = int(time.time()) + self.skew
        access = [self.grant(name, scope) for scope in scopes]
        return self.sign({"iss": ISSUER, "sub": name or "", "aud": SERVICE, "iat": now, "nbf": now - 1,
                          "exp": now + self.life, "jti": secrets.token_hex(8), "access": access})

    # Requests

    def answer(self, record):
        """(status, body) for a request that came."""
        method, form = record["method"], record["form"]
        if not (self.get if method == "GET" else self.post):
            return 405, {"errors": [{"code": "UNSUPPORTED", "message": "no such method"}]}
        more = {}
        if method == "GET":
            name, password = record["login"] or (None, None)
        elif form.get("grant_type") == ["refresh_token"]:
            shown = form.get("refresh_token", [""])[0]
            name, password = self.identities.get(shown), None
            if name is None:
                return 400, {"error": "invalid_grant", "error_description": "no such refresh token"}
            password = self.users[name].password
            if self.rotate:
                del self.identities[shown]
                more["refresh_token"] = secrets.token_hex(8)
                self.identities[more["refresh_token"]] = name
        else:
            name, password = form.get("username", [None])[0], form.get("password", [None])[0]
        if name not in self.users or (name is not None and self.users[name].password != password):
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong user or password"}]}
        if record["service"] != SERVICE:
            return 400, {"errors": [{"code": "UNSUPPORTED", "message": "wrong service"}]}
        return 200, {self.field: self.token(name, record["scopes"]), "expires_in": self.life, **more,
                     "issued_at": "1999-12-31T23:59:59Z"}  # which nobody should believe


def handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def respond(self, body=b""):
            parts = urlsplit(self.path)
            query, form = parse_qs(parts.query), parse_qs(body.decode())
            scheme, _, pair = self.headers.get("Authorization", "").partition(" ")
            login = tuple(base64.b64decode(pair).decode().split(":", 1)) if scheme == "Basic" else None
            scopes = query.get("scope", []) + form.get("scope", [""])[0].split()
            record = {"method": self.command, "path": parts.path, "query": query, "form": form, "login": login,
                      "authorization": scheme, "scopes": scopes,
                      "service": (query or form).get("service", [None])[0]}
            with server.lock:
                status, content = server.answer(record)
                server.requests.append({**record, "status": status})
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.respond()

        def do_POST(self):
            self.respond(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    return Handler
