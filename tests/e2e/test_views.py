# SPDX-License-Identifier: MIT
"""The views of a repository: manifests, configs, extended attributes, and what is shown to whom."""
import json
import os
import stat

import pytest

from lib import images as im
from lib.shell import days_ago, errno_of, lines, nanoseconds, read

A = "2022-03-04T05:06:07.123456789Z"


@pytest.fixture
def shown(fault):
    """A plain image, an index with an attestation, a signature: all that can hang from tags."""
    plain = im.image(A, labels={"org.example.team": "ops"}, annotations={"org.example.note": "hello"})
    children = [im.image(A), im.image(A, platform="linux/arm64/v8"), im.image(A, platform="linux/arm/v7")]
    multi = im.index(children + [im.attestation(children[0])])
    fault.push_all("a", [("plain", plain), ("multi", multi)])
    fault.plain, fault.multi, fault.children = plain, multi, children
    return fault


def test_manifests(shown, mount):
    m = mount(shown)
    folder = m / "a/_manifests"
    parts = {p.digest: p for image in (shown.plain, shown.multi) for p in image.family()}
    assert set(os.listdir(folder)) == set(parts)
    for digest, part in parts.items():
        assert read(folder / digest) == part.data
        assert (folder / digest).stat().st_size == len(part.data)


@pytest.mark.parametrize("native", [True, False])
def test_referrers_are_reachable(fault, mount, native):
    """By the referrers API where there is one, else by the referrers tag schema."""
    image = im.image(A)
    signature = im.artifact(subject=image)
    of_signature = im.artifact(subject=signature)
    fault.push_all("a", [("v1", image), (None, signature), (None, of_signature)])
    fault.settings(referrers=native)
    if not native:
        fault.push("a", im.signature_tag(image, ""), im.index([signature]))
        fault.push("a", im.signature_tag(signature, ""), im.index([of_signature]))
    folder = mount(fault) / "a/_manifests"
    assert {image.digest, signature.digest, of_signature.digest} <= set(os.listdir(folder))
    assert read(folder / signature.digest) == signature.data


def test_configs(shown, mount):
    m = mount(shown, "platform=linux/arm64/v8")
    assert sorted(os.listdir(m / "a/_configs")) == ["multi", "plain"]
    assert read(m / "a/_configs/plain") == shown.plain.config
    assert read(m / "a/_configs/multi") == shown.children[1].config
    assert (m / "a/_configs/plain").stat().st_size == len(shown.plain.config)
    assert (m / "a/_configs/plain").stat().st_mtime_ns == nanoseconds(A)


@pytest.mark.parametrize("platform, child", [("linux/arm/v7", 2), ("linux/arm64", 1), ("linux/amd64", 0),
                                             ("windows/amd64", 0)])
def test_config_of_a_platform(shown, mount, platform, child):
    m = mount(shown, f"platform={platform}")
    assert read(m / "a/_configs/multi") == shown.children[child].config


def xattrs(path):
    return {name: os.getxattr(path, name).decode() for name in os.listxattr(path)}


def test_xattrs_of_an_image(shown, mount):
    got = xattrs(mount(shown, "xattr").tags("a") / "plain")
    document = shown.plain.document
    size = document["config"]["size"] + sum(layer["size"] for layer in document["layers"])
    serial = got.pop("user.oci.label.test.serial")
    assert serial == json.loads(shown.plain.config)["config"]["Labels"]["test.serial"]
    assert nanoseconds(got.pop("user.oci.created")) == nanoseconds(A)
    assert got.pop("user.oci.created_from")
    assert got == {"user.oci.digest": shown.plain.digest, "user.oci.mediatype": im.OCI_MANIFEST,
                   "user.oci.platform": "linux/amd64", "user.oci.size": str(size),
                   "user.oci.config": document["config"]["digest"],
                   "user.oci.label.org.example.team": "ops", "user.oci.annotation.org.example.note": "hello"}


def test_xattrs_say_where_the_date_is_from(fault, mount):
    subject = im.image(A)
    fault.push_all("a", {"config": subject, "annotation": im.artifact(A), "undated": im.image(),
                         "history": im.image(history=[{"created": A}]), "signature": im.signature(subject=subject)})
    m = mount(fault, "xattr")
    sources = {t: xattrs(m.tags("a") / t)["user.oci.created_from"]
               for t in ("config", "annotation", "history", "signature", "undated")}
    assert len(set(sources.values())) == 5, sources
    got = xattrs(m.tags("a") / "signature")
    assert got["user.oci.subject"] == subject.digest
    assert "user.oci.created" not in xattrs(m.tags("a") / "undated")


def test_xattrs_of_an_index(shown, mount):
    got = xattrs(mount(shown, "xattr").tags("a") / "multi")
    assert got["user.oci.digest"] == shown.multi.digest and got["user.oci.mediatype"] == im.OCI_INDEX


def test_xattrs_only_if_asked_for(shown, mount):
    tag = mount(shown).tags("a") / "plain"
    assert errno_of(os.getxattr, tag, "user.oci.digest") in ("ENODATA", "EOPNOTSUPP")
    assert errno_of(os.listxattr, tag) in ("", "EOPNOTSUPP") and not (
        errno_of(os.listxattr, tag) == "" and os.listxattr(tag))


def test_xattr_sizes(shown, mount):
    """getfattr asks for the size first, then for the value."""
    tag = mount(shown, "xattr").tags("a") / "plain"
    assert lines("getfattr", "--only-values", "-n", "user.oci.digest", tag) == [shown.plain.digest]
    assert len([line for line in lines("getfattr", "-d", tag) if line.startswith("user.oci.")]) >= 8
    assert errno_of(os.getxattr, tag, "user.oci.nothing") == "ENODATA"


def test_show(shown, mount):
    tags_only = mount(shown, "show=tags")
    assert os.listdir(tags_only / "a") == ["_tags"]
    views = os.listdir(mount(shown) / "a")
    assert views[0] == "_tags" and {"_tags", "_manifests", "_configs"} == set(views)


def test_modes_and_owner(shown, mount):
    m = mount(shown, "uid=1234", "gid=4321", "umask=027")
    for path, mode in ((m.dir, stat.S_IFDIR), (m / "a", stat.S_IFDIR), (m / "a/_tags/plain", stat.S_IFREG)):
        s = os.stat(path)
        assert (s.st_uid, s.st_gid) == (1234, 4321)
        assert stat.S_IFMT(s.st_mode) == mode and s.st_mode & 0o227 == 0 and s.st_mode & 0o440 == 0o440


def test_nothing_can_be_changed(shown, mount):
    m = mount(shown)
    tag = m.tags("a") / "plain"
    for call, *arguments in ((os.unlink, tag), (os.rmdir, m / "a"), (os.mkdir, m / "new"), (os.truncate, tag, 0),
                             (os.rename, tag, m.tags("a") / "new"), (os.link, tag, m.tags("a") / "new"),
                             (os.symlink, "x", m.tags("a") / "new"), (os.utime, tag), (os.chmod, tag, 0o777),
                             (os.open, tag, os.O_RDWR), (os.open, m / "a/_tags/new", os.O_CREAT | os.O_WRONLY)):
        assert errno_of(call, *arguments) == "EROFS", call
    assert lines("ls", m.tags("a")) == ["multi", "plain"]
    assert {r["method"] for r in shown.requests()} <= {"GET", "HEAD"}


def test_inode_numbers_agree(shown, mount):
    """d_ino and st_ino are the same number, and the same one each time."""
    m = mount(shown)
    for folder in (m.dir, m / "a", m / "a/_tags", m / "a/_configs", m / "a/_manifests"):
        listed = {e.name: e.inode() for e in os.scandir(folder)}
        assert listed == {name: os.stat(folder / name).st_ino for name in listed}
        assert len(set(listed.values())) == len(listed)


def test_types_are_in_the_listing(shown, mount):
    """So that find needs no stat to know what is a directory."""
    m = mount(shown)
    entries = [e for folder in (m.dir, m / "a", m / "a/_tags") for e in os.scandir(folder)]
    assert all(e.is_dir(follow_symlinks=False) != e.is_file(follow_symlinks=False) for e in entries)


def test_partial_reads(shown, mount):
    data = shown.plain.data
    fd = os.open(mount(shown).tags("a") / "plain", os.O_RDONLY)
    try:
        assert os.pread(fd, 10, 5) == data[5:15]
        assert os.pread(fd, 100_000, 7) == data[7:]
        assert os.pread(fd, 10, len(data)) == b"" == os.pread(fd, 10, 10**9)
    finally:
        os.close(fd)


def test_an_open_file_keeps_its_content(fault, mount):
    """A tag that moves while it is read: the reader gets one manifest or the other, never a mixture."""
    one, two = im.image(days_ago(1), annotations={"x": "y" * 300_000}), im.image(days_ago(2))
    fault.push("a", "v1", one)
    m = mount(fault, "ttl=1")
    with open(m.tags("a") / "v1", "rb", buffering=0) as f:
        head = f.read(1000)
        fault.push("a", "v1", two)
        os.kill(m.pid, 1)
        rest = f.read()
        while chunk := f.read():
            rest += chunk
    assert head + rest == one.data


def test_directories_have_a_date_that_stays(shown, mount):
    m = mount(shown)
    lines("ls", "-lR", m.dir)
    first = [os.stat(p).st_mtime_ns for p in (m.dir, m / "a", m / "a/_tags")]
    lines("ls", "-lR", m.dir)
    assert [os.stat(p).st_mtime_ns for p in (m.dir, m / "a", m / "a/_tags")] == first
    assert all(m.before - 1 < t / 1e9 for t in first)
