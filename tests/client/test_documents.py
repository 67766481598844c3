# SPDX-License-Identifier: MIT
"""Documents as the client reads them, from the bytes that registries really serve."""
import json

import pytest

from lib import images as im
from lib.regtool import describe
from lib.shell import nanoseconds

A = "2022-03-04T05:06:07.123456789Z"
MANIFEST, INDEX, SCHEMA1 = 1, 2, 3


@pytest.mark.parametrize("docker", [False, True])
def test_a_manifest(tmp_path, docker):
    image = im.image(A, docker=docker, annotations={"k": "v\u00e9"})
    got = describe(tmp_path, "describe", image.data)
    document = image.document
    assert (got["err"], got["kind"], got["media_type"]) == ("", MANIFEST, image.media_type)
    assert got["config"]["digest"] == document["config"]["digest"]
    assert got["config"]["size"] == document["config"]["size"]
    assert [i["descriptor"]["digest"] for i in got["items"][1:]] == [layer["digest"] for layer in document["layers"]]
    assert got["annotations"] == {"k": "v\u00e9".encode().decode("latin-1")}


def test_an_index(tmp_path):
    child = im.image(A)
    index = im.index([child, im.image(A, platform="linux/arm/v7"), im.attestation(child)])
    got = describe(tmp_path, "describe", index.data)
    entries = [i["descriptor"] for i in got["items"][1:]]
    assert got["kind"] == INDEX
    assert [e["platform"] for e in entries] == ["linux/amd64/", "linux/arm/v7", "unknown/unknown/"]
    assert [e["attestation"] for e in entries] == [0, 0, 1]


@pytest.mark.parametrize("want, selected", [("linux/amd64", 1), ("linux/arm/v7", 2), ("linux/arm", 2),
                                            ("linux/s390x", 1), ("linux/arm/v6", 2)])
def test_platforms(tmp_path, want, selected):
    """The attestation comes first on purpose: it is never chosen."""
    child = im.image(A)
    index = im.index([im.attestation(child), child, im.image(A, platform="linux/arm/v7")])
    assert describe(tmp_path, "describe", index.data, im.OCI_INDEX, want)["selected"] == selected


def test_an_artifact_and_its_subject(tmp_path):
    subject = im.image(A)
    got = describe(tmp_path, "describe", im.artifact(A, subject=subject).data)
    assert got["artifact_type"] == "application/vnd.example.thing"
    assert got["subject"]["digest"] == subject.digest
    assert got["annotations"][im.CREATED] == A


def test_schema1(tmp_path):
    got = describe(tmp_path, "describe", im.schema1("2020-01-01T00:00:00Z", A, "nonsense").data)
    assert got["kind"] == SCHEMA1 and got["created"] == nanoseconds(A)


def test_the_content_type_decides_where_the_document_is_silent(tmp_path):
    document = im.index([im.image(A)]).document
    del document["mediaType"]
    data = im.as_bytes(document)
    got = describe(tmp_path, "describe", data, im.OCI_INDEX + "; charset=utf-8")
    assert got["kind"] == INDEX


@pytest.mark.parametrize("data", [
    b"", b"{}", b"[]", b"null", b'"x"', b"{", b"\xff\xfe", b'{"schemaVersion":2}',
    b'{"schemaVersion":2,"manifests":{}}', b'{"schemaVersion":2,"config":[],"layers":[]}',
    b'{"schemaVersion":2,"manifests":[7]}', b"[" * 100_000])
def test_what_is_no_document(tmp_path, data):
    assert describe(tmp_path, "describe", data)["err"] == "EBADMSG"


@pytest.mark.parametrize("size", ["-1", "9007199254740994", "1e400", "1.5", '"7"', "null"])
def test_sizes_that_cannot_be(tmp_path, size):
    image = im.image(A)
    data = image.data.replace(b'"size":%d' % image.document["config"]["size"], b'"size":' + size.encode(), 1)
    assert data != image.data
    assert describe(tmp_path, "describe", data)["err"] == "EBADMSG"


def test_a_config(tmp_path):
    made = im.image(A, platform="linux/arm64/v8", labels={"a": "b"}, history=[{"created": A}, {"created": "x"}])
    got = describe(tmp_path, "config", made.config)
    assert (got["created"], got["history"], got["platform"]) == (nanoseconds(A), nanoseconds(A), "linux/arm64/v8")
    assert got["labels"]["a"] == "b"


@pytest.mark.parametrize("created", ["", "yesterday", 7, None, "2024-13-01T00:00:00Z", "2024-01-01T00:00:00", [],
                                     "2024-01-01", "2024-01-01T25:00:00Z", "2024-01-01T00:00:00Zjunk"])
def test_a_date_that_is_none(tmp_path, created):
    got = describe(tmp_path, "config", json.dumps({"created": created, "os": "linux"}).encode())
    assert got["err"] == "" and "created" not in got


def test_names_are_told_apart_by_case(tmp_path):
    """cJSON's own look-up does not: a key "Created" must not shadow "created"."""
    data = json.dumps({"Created": "2020-01-01T00:00:00Z", "created": A}).encode()
    assert describe(tmp_path, "config", data)["created"] == nanoseconds(A)
    assert "created" not in describe(tmp_path, "config", b'{"CREATED":"2020-01-01T00:00:00Z"}')
