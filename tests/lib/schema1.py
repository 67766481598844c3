# SPDX-License-Identifier: MIT
"""Docker's manifests of schema 1 as registries of old have them in their storage: no registry of now takes one."""
import base64
import json

from lib import images as im


def signed(body):
    """Pretty JSON with a signature in it, as far as distribution 2 looks at that when it collects."""
    def text(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    plain = json.dumps(body, indent=3).encode()
    protected = {"formatLength": len(plain) - 2, "formatTail": text(b"\n}"), "time": "2015-01-01T00:00:00Z"}
    signature = {"header": {"jwk": {"crv": "P-256", "kid": "K", "kty": "EC", "x": "AA", "y": "AA"}, "alg": "ES256"},
                 "signature": text(b"0" * 64), "protected": text(im.as_bytes(protected))}
    return plain[:-2] + b',\n   "signatures": [' + im.as_bytes(signature) + b"]\n}"


def schema1():
    plain = im.schema1("2015-01-01T00:00:00Z", "2015-01-02T00:00:00Z")
    return im.Image(im.SCHEMA1, signed(plain.document), plain.blobs)
