# SPDX-License-Identifier: MIT
"""An authority that signs certificates, good ones and bad ones."""
import subprocess
import time
from pathlib import Path

CONFIG = """
[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
DAY = 86400


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def date(offset):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + offset))


class Authority:
    def __init__(self, folder, name="Test Authority"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.cert, self.key = self.folder / "ca.crt", self.folder / "ca.key"
        (self.folder / "index").touch()
        (self.folder / "ca.conf").write_text(CONFIG.format(folder=self.folder))
        openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def sign(self, name, names="IP:127.0.0.1,IP:::1,DNS:localhost", start=-DAY, end=30 * DAY):
        """(certificate, key) for these names, valid from and until so many seconds from now."""
        cert, key, request = (self.folder / f"{name}.{e}" for e in ("cert", "key", "csr"))
        openssl("req", "-new", *NEW_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", key, "-out",
                request)
        openssl("ca", "-batch", "-notext", "-config", self.folder / "ca.conf", "-cert", self.cert, "-keyfile", self.key,
                "-startdate", date(start), "-enddate", date(end), "-in", request, "-out", cert)
        return cert, key
