# SPDX-License-Identifier: MIT
"""nginx in front of a registry, as people run it: TLS, HTTP/2, passwords, limits."""
import itertools
import json
import os
import socket
import subprocess

from lib.ports import free_port, listens, wait_until
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
    log_format whole escape=json
        '{{"protocol":"$server_protocol","status":$status,"uri":"$request_uri","connection":"$connection",'
        '"authorization":"$http_authorization","client":"$ssl_client_s_dn"}}';
    access_log {folder}/access.json whole;
    access_log {folder}/access.log short;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    client_max_body_size 0;
    keepalive_requests 100000;
    {http}
    upstream registry {{ server {upstream}; keepalive 64; }}
    server {{
        listen {address}:{port} {tls};
        {certificate}
        {server}
        location {location} {{ proxy_pass http://registry; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
}}
"""

_marks = itertools.count()


class Proxy:
    """http and server are further lines for these blocks of the configuration."""

    def __init__(self, folder, upstream, tls=None, http="", server="", address="127.0.0.1", http2=True, location="/"):
        self.folder, self.address = folder, address.strip("[]")
        folder.mkdir()
        for _ in range(5):
            self.port = free_port(self.address)
            (folder / "nginx.conf").write_text(CONFIG.format(
                user="user root;" if os.geteuid() == 0 else "",  # else its worker cannot read pytest's folders
                folder=folder, upstream=upstream.host, port=self.port, http=http, server=server,
                address=address, location=location,
                tls="ssl http2" if tls and http2 else "ssl" if tls else "",
                certificate=f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else ""))
            with open(folder / "out", "ab") as out:
                self.process = subprocess.Popen([found("nginx"), "-e", folder / "error.log", "-p", folder, "-c", folder / "nginx.conf"], stdout=out,
                                                stderr=out)
            if wait_until(lambda: self.process.poll() is not None or self.listens(), 30, "nginx listens or ends"):
                if self.process.poll() is None:
                    break
        else:
            raise AssertionError((folder / "out").read_text())
        self.url = f"{'https' if tls else 'http'}://{address}:{self.port}"
        self.host = f"{address}:{self.port}"

    def listens(self):
        return listens(self.port, self.address)

    def whole(self, name):
        """The lines of a log. nginx writes each a little after it has answered, one after the other: all are there once
        that of a request is which came after the others. It names no host, so that nginx refuses it by itself."""
        mark = f"/mark-{next(_marks)}"
        with socket.create_connection((self.address, self.port), 30) as s:
            s.sendall(f"GET {mark} HTTP/1.1\r\n\r\n".encode())
            s.recv(1)
        path = self.folder / name
        wait_until(lambda: f"{mark}\n" in path.read_text() or f'{mark}"' in path.read_text(), 30, f"{mark} in the log")
        return [line for line in path.read_text().splitlines() if "/mark-" not in line]

    def log(self):
        return self.whole("access.log")

    def requests(self):
        """One dictionary a request: protocol, status, uri, connection, authorization, client (its certificate's name)."""
        return [json.loads(line) for line in self.whole("access.json")]

    def stop(self):
        self.process.terminate()
        self.process.wait()
