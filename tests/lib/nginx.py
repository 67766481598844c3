# SPDX-License-Identifier: MIT
"""nginx in front of a registry, as people run it: TLS, HTTP/2, passwords, limits."""
import os
import socket
import subprocess

from lib.ports import free_port, wait_until
from lib.servers import found

CONFIG = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    log_format short "$server_protocol $status $request_method $request_uri";
    access_log {folder}/access.log short;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    client_max_body_size 0;
    keepalive_requests 100000;
    {http}
    upstream registry {{ server {upstream}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port} {tls};
        {certificate}
        {server}
        location / {{ proxy_pass http://registry; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""


class Proxy:
    """http and server are further lines for these blocks of the configuration."""

    def __init__(self, folder, upstream, tls=None, http="", server=""):
        self.folder = folder
        folder.mkdir()
        for _ in range(5):
            self.port = free_port()
            (folder / "nginx.conf").write_text(CONFIG.format(
                user="user root;" if os.geteuid() == 0 else "",  # else its worker cannot read pytest's folders
                folder=folder, upstream=upstream.host, port=self.port, http=http, server=server,
                tls="ssl http2" if tls else "",
                certificate=f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else ""))
            with open(folder / "out", "ab") as out:
                self.process = subprocess.Popen([found("nginx"), "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"], stdout=out,
                                                stderr=out)
            if wait_until(lambda: self.process.poll() is not None or self.listens(), 30, "nginx listens or ends"):
                if self.process.poll() is None:
                    break
        else:
            raise AssertionError((folder / "out").read_text())
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except OSError:
            return False

    def log(self):
        return (self.folder / "access.log").read_text().splitlines()

    def stop(self):
        self.process.terminate()
        self.process.wait()
