# SPDX-License-Identifier: MIT
"""lighttpd in front of a registry, for HTTP Digest: nginx does not know it."""
import hashlib
import subprocess
from pathlib import Path

from lib.ports import free_port, listens, wait_until
from lib.servers import found

CONFIG = """
server.document-root = "{folder}"
server.errorlog = "{folder}/error.log"
server.upload-dirs = ( "{folder}" )
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ( "mod_auth", "mod_authn_file", "mod_proxy", "mod_accesslog" )
accesslog.filename = "{folder}/access.log"
accesslog.format = "%m %U %s %{{Authorization}}i"
auth.backend = "htdigest"
auth.backend.htdigest.userfile = "{folder}/users"
auth.require = ( "/v2/" => ( "method" => "digest", "algorithm" => "{algorithm}", "realm" => "{realm}",
                             "require" => "valid-user" ) )
proxy.server = ( "" => ( ( "host" => "{upstream[0]}", "port" => {upstream[1]} ) ) )
"""
REALM = "the registry's"


class Proxy:
    def __init__(self, folder, upstream, user, password, algorithm="MD5"):
        self.folder = folder
        folder.mkdir()
        text = f"{user}:{REALM}:{password}".encode()
        digest = (hashlib.md5 if algorithm == "MD5" else hashlib.sha256)(text).hexdigest()
        (folder / "users").write_text(f"{user}:{REALM}:{digest}\n")
        program = Path(found("lighttpd"))
        modules = program.parent.parent / "lib" / "lighttpd"
        for _ in range(5):
            self.port = free_port()
            (folder / "lighttpd.conf").write_text(CONFIG.format(folder=folder, port=self.port, realm=REALM,
                                                                algorithm=algorithm, upstream=upstream.host.split(":")))
            with open(folder / "out", "ab") as out:
                self.process = subprocess.Popen([program, "-D", "-m", modules, "-f", folder / "lighttpd.conf"],
                                                stdout=out, stderr=out)
            if wait_until(lambda: self.process.poll() is not None or listens(self.port), 30, "it listens or ends"):
                if self.process.poll() is None:
                    break
        else:
            raise AssertionError((folder / "out").read_text())
        self.host = f"127.0.0.1:{self.port}"
        self.url = "http://" + self.host

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def log(self):
        """[method, path, status, scheme of the Authorization] of each request; written when lighttpd ends."""
        return [line.split()[:4] for line in (self.folder / "access.log").read_text().splitlines()]
