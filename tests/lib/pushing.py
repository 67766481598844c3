# SPDX-License-Identifier: MIT
"""A client that pushes as docker does: asks for each blob, uploads what is not there, and tries again when refused."""
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

PATIENCE = 30  # seconds


class Refused(Exception):
    pass


class Client:
    def __init__(self, server):
        self.server, self.connection, self.again = server, None, 0

    def request(self, method, path, body=None, **headers):
        if not self.connection:
            self.connection = HTTPConnection(self.server.host, timeout=20)
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise Refused(f"{method} {path}: {error!r}") from error

    def expect(self, status, method, path, body=None, **headers):
        answer = self.request(method, path, body, **headers)
        if answer[0] != status:
            raise Refused(f"{method} {path}: {answer[0]} {answer[2][:300]}")
        return answer

    def until_done(self, what, *arguments):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return what(*arguments)
            except Refused:
                self.again += 1
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def push(self, repository, tag, image):
        """Until the registry says that it has it."""
        self.until_done(self.try_to_push, repository, tag, image)

    def try_to_push(self, repository, tag, image):
        for part in image.family():
            for digest, data in part.blobs.items():
                self.push_blob(repository, digest, data)
            reference = tag if part is image else part.digest
            self.expect(201, "PUT", f"/v2/{repository}/manifests/{reference}", part.data, **{"Content-Type": part.media_type})

    def push_blob(self, repository, digest, data):
        if self.request("HEAD", f"/v2/{repository}/blobs/{digest}")[0] == 200:
            return
        _, headers, _ = self.expect(202, "POST", f"/v2/{repository}/blobs/uploads/", **{"Content-Length": "0"})
        place = urlsplit(headers["Location"])
        query = f"{place.query}&digest={digest}" if place.query else f"digest={digest}"
        self.expect(201, "PUT", f"{place.path}?{query}", data, **{"Content-Type": "application/octet-stream"})

    def delete(self, repository, digest):
        self.until_done(self.try_to_delete, repository, digest)

    def try_to_delete(self, repository, digest):
        status, _, body = self.request("DELETE", f"/v2/{repository}/manifests/{digest}")
        if status not in (202, 404):
            raise Refused(f"DELETE {digest}: {status} {body[:300]}")

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None
