# SPDX-License-Identifier: MIT
"""Where images go: a real registry over HTTP, or straight into the folder that distribution keeps them in."""
import base64
import ssl
from http.client import HTTPConnection, HTTPSConnection, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlsplit


class HttpSink:
    """Pushes as the OCI distribution specification says: POST and PUT of each blob, PUT of each manifest."""

    def __init__(self, url, user=None, password=None, cacert=None):
        parts = urlsplit(url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=cacert)
            self.connection = HTTPSConnection(parts.netloc, timeout=60, context=context)
        else:
            self.connection = HTTPConnection(parts.netloc, timeout=60)
        self.headers = {}
        if user:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.headers["Authorization"] = "Basic " + pair
        self.pushed = set()

    def request(self, method, path, body=None, **headers):
        try:
            self.connection.request(method, path, body, {**self.headers, **headers})
            answer = self.connection.getresponse()
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # Servers close connections that were idle for a while; the next test comes when it comes.
            self.connection.close()
            self.connection.request(method, path, body, {**self.headers, **headers})
            answer = self.connection.getresponse()
        return answer, answer.read()

    def push_blob(self, repository, digest, data):
        if (repository, digest) in self.pushed:
            return
        answer, body = self.request("POST", f"/v2/{repository}/blobs/uploads/", **{"Content-Length": "0"})
        assert answer.status == 202, (answer.status, body)
        location = urlsplit(answer.headers["Location"])
        query = f"{location.query}&digest={digest}" if location.query else f"digest={digest}"
        answer, body = self.request("PUT", f"{location.path}?{query}", data,
                                    **{"Content-Type": "application/octet-stream"})
        assert answer.status == 201, (answer.status, body)
        self.pushed.add((repository, digest))

    def push(self, repository, tag, image):
        for part in image.family():
            if (repository, part.digest) in self.pushed and part is not image:
                continue
            for digest, data in part.blobs.items():
                self.push_blob(repository, digest, data)
            reference = tag if part is image and tag is not None else part.digest
            answer, body = self.request("PUT", f"/v2/{repository}/manifests/{reference}", part.data,
                                        **{"Content-Type": part.media_type})
            assert answer.status == 201, (answer.status, body)
            self.pushed.add((repository, part.digest))

    def push_all(self, repository, images):
        for tag, image in images.items() if isinstance(images, dict) else images:
            self.push(repository, tag, image)

    def close(self):
        self.connection.close()


class FolderSink:
    """Writes distribution's own layout, while no registry reads it: thousands of tags in seconds."""

    def __init__(self, root):
        self.root = Path(root, "docker", "registry", "v2")
        self.made = set()

    def write(self, path, data):
        if path not in self.made:
            self.made.add(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def hold(self, digest, data):
        algorithm, _, hexadecimal = digest.partition(":")
        self.write(self.root / "blobs" / algorithm / hexadecimal[:2] / hexadecimal / "data", data)

    def link(self, folder, digest):
        self.write(folder / digest.replace(":", "/") / "link", digest.encode())

    def push(self, repository, tag, image):
        folder = self.root / "repositories" / repository
        for part in image.family():
            for digest, data in part.blobs.items():
                self.hold(digest, data)
                self.link(folder / "_layers", digest)
            self.hold(part.digest, part.data)
            self.link(folder / "_manifests" / "revisions", part.digest)
        if tag is not None:
            folder = folder / "_manifests" / "tags" / tag
            self.link(folder / "index", image.digest)
            (folder / "current").mkdir(exist_ok=True)
            (folder / "current" / "link").write_text(image.digest)

    def push_all(self, repository, images):
        for tag, image in images.items() if isinstance(images, dict) else images:
            self.push(repository, tag, image)
