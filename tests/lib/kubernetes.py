# SPDX-License-Identifier: MIT
"""As much of Kubernetes' API as scaling a deployment takes, on loopback with TLS."""
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SCALE = "/apis/apps/v1/namespaces/images/deployments/registry/scale"
PODS = "/api/v1/namespaces/images/pods"
SELECTOR = "app=registry,tier in (a, b)"


class ScaleApi:
    """scale(REPLICAS) is what becomes of the deployment; None: nobody may scale it. Pods are listed for a while after
    that, as they are while they end."""

    def __init__(self, certificate, scale):
        self.cacert, key = certificate
        self.scale = scale
        self.scaled, self.authorizations = [], []
        self.replicas, self.lists = 1, 0
        self.listed = []  # how often pods were listed before each scaling
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                api.authorizations.append(self.headers["Authorization"])
                self.answer(*api.get(urlsplit(self.path)))

            def do_PATCH(self):
                api.authorizations.append(self.headers["Authorization"])
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/merge-patch+json" and self.path == SCALE
                self.answer(*api.patch(json.loads(body)))

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cacert, key)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def document(self):
        return {"kind": "Scale", "spec": {"replicas": self.replicas},
                "status": {"replicas": self.replicas, "selector": SELECTOR}}

    def patch(self, body):
        self.replicas = body["spec"]["replicas"]
        self.scaled.append(self.replicas)
        self.listed.append(self.lists)
        if not self.scale:
            return 403, {"kind": "Status", "reason": "Forbidden"}
        self.lists = 0
        self.scale(self.replicas)
        return 200, self.document()

    def get(self, parts):
        if parts.path == SCALE:
            return 200, self.document()
        if parts.path != PODS or parse_qs(parts.query) != {"labelSelector": [SELECTOR]}:
            return 404, {"kind": "Status", "reason": "NotFound"}
        self.lists += 1
        return 200, {"kind": "PodList", "items": [{"kind": "Pod"}] if self.lists < 3 else []}

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
