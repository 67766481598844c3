# SPDX-License-Identifier: MIT
"""What a caller and the log get when the registry fails or lies: the table of design section 4."""
import json
import os

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.shell import days_ago, errno_of, lines, read, run

MESSAGE = "the disk is on fire"
BODY = json.dumps({"errors": [{"code": "UNKNOWN", "message": MESSAGE, "detail": None}]}).encode()


def answer(status, **more):
    return {"status": status, "body": BODY, "type": "application/json", **more}


HTML = {"body": b"<html><body>Sign in</body></html>", "type": "text/html"}
# Longer than all attempts with their pauses: the last one has time for its answer, and so the answer is what is told.
# A limit (429) is asked more often, for as long as there is time: with 3 s the next pause would be too long.
ENOUGH, ENOUGH_FOR_A_LIMIT = "timeout=15", "timeout=3"
STATUSES = {401: "EACCES", 403: "EACCES", 404: "ENOENT", 429: "EAGAIN", 500: "EIO", 502: "EIO", 503: "EAGAIN",
            504: "EIO", 418: "EIO", 400: "EIO"}
LIES = {
    "wrong-bytes": ({"corrupt": True}, "EBADMSG"),
    "wrong-digest": ({"digest": "sha256:" + "0" * 64}, "EBADMSG"),
    "html": (HTML, "EBADMSG"),
    "empty": ({"status": 200}, "EBADMSG"),
    "huge": ({"fill": 5 << 20}, "EFBIG"),
    "huge-chunked": ({"fill": 5 << 20, "chunked": True}, "EFBIG"),
    "cut": ({"cut": 20}, "EIO"),
    "too-long-a-length": ({"length": 10, "hang": "body"}, "ETIMEDOUT"),
    "reset": ({"reset": True}, "EIO"),
    "not-http": ({"raw": b"SSH-2.0-OpenSSH_9.2\r\n"}, "EPROTO"),
    "tls-error": ({"redirect": "https://{other}"}, "EPROTO"),
    "no-such-host": ({"redirect": "http://registry.invalid:1"}, "EHOSTUNREACH"),
    "refused": ({"redirect": "http://127.0.0.1:1"}, "ECONNREFUSED"),
}


@pytest.fixture
def one(fault):
    fault.push("team/app", "v1", im.image(days_ago(3)))
    return fault


def stat_fails_with(mounted):
    return errno_of(os.stat, mounted / "team/app/_tags/v1")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("kind", ["manifest", "blob"])
def test_status(one, mount, kind, status):
    m = mount(one, ENOUGH_FOR_A_LIMIT if status == 429 else ENOUGH)
    lines("ls", m / "team/app/_tags")
    one.rule(kind=kind, **answer(status))
    expected = STATUSES[status]
    got = stat_fails_with(m)
    if kind == "blob" and status == 404:  # the tag is there, its config is not: no word for it but "broken"
        assert got not in ("", "EACCES")
    else:
        assert got == expected


@pytest.mark.parametrize("lie", LIES)
def test_lies(one, mount, lie):
    effect, expected = LIES[lie]
    effect = dict(effect)
    if "redirect" in effect:
        effect["redirect"] = effect["redirect"].format(other=one.other)
    m = mount(one, "timeout=4" if "hang" in effect else ENOUGH)
    lines("ls", m / "team/app/_tags")
    rule = one.rule(kind="manifest", **effect)
    assert stat_fails_with(m) == expected
    assert errno_of(read, m / "team/app/_tags/v1") == expected  # never shown
    one.forget(rule)
    assert wait_until(lambda: stat_fails_with(m) == "", 20, "the truth is shown once it is told")


@pytest.mark.parametrize("lie", ["wrong-bytes", "html", "empty", "cut", "reset"])
def test_lies_about_a_config(one, mount, lie):
    m = mount(one, ENOUGH)
    one.rule(kind="blob", **LIES[lie][0])
    assert stat_fails_with(m) == LIES[lie][1]
    assert errno_of(read, m / "team/app/_configs/v1") == LIES[lie][1]


def test_a_config_too_large(fault, mount):
    big = im.manifest(b'{"x":"' + b"x" * (17 << 20) + b'"}', im.OCI_CONFIG, [])
    fault.push("team/app", "v1", big)
    assert stat_fails_with(mount(fault)) == "EFBIG"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b'{"schemaVersion":2}', b'{"schemaVersion":2,"config":7}',
                                  b'{"schemaVersion":2,"config":{"digest":"sha256:12","size":1,"mediaType":"x"}}',
                                  b"\x00\xff" * 50, b'{"a":' * 10_000])
def test_a_manifest_that_is_none(fault, mount, data):
    """The digest is right and the content is not: still no date is made up, and nothing falls over."""
    fault.push("team/app", "v1", im.Image(im.OCI_MANIFEST, data))
    m = mount(fault, ENOUGH)
    assert stat_fails_with(m) == "EBADMSG"
    assert lines("ls", m / "team/app/_tags") == ["v1"]


def test_registry_that_is_gone(one, mount):
    m = mount(one, ENOUGH)
    lines("ls", m / "team/app/_tags")
    one.kill()
    assert stat_fails_with(m) == "ECONNREFUSED"


@pytest.mark.parametrize("status", [500, 403, 429])
def test_one_log_line_says_it_all(one, mount, status):
    m = mount(one, ENOUGH_FOR_A_LIMIT if status == 429 else ENOUGH)
    lines("ls", m / "team/app/_tags")
    one.rule(kind="manifest", **answer(status))
    stat_fails_with(m)
    told = [line for line in m.log.splitlines() if "team/app:v1" in line]
    assert len(told) == 1, m.log
    assert str(status) in told[0] and MESSAGE in told[0]


def test_the_log_is_one_line_whatever_the_registry_says(one, mount):
    m = mount(one, ENOUGH)
    evil = json.dumps({"errors": [{"code": "UNKNOWN", "message": "first\nsecond\x1b[31mred"}]}).encode()
    one.rule(kind="manifest", status=500, body=evil, type="application/json")
    stat_fails_with(m)
    assert "\x1b" not in m.log
    assert not [line for line in m.log.splitlines() if line.startswith("second")]


@pytest.mark.parametrize("effect", [answer(500), answer(502), answer(503), answer(429, headers={"Retry-After": "1"}),
                                    {"cut": 3}, {"reset": True}])
def test_what_passes_is_tried_again(one, mount, effect):
    m = mount(one)
    one.rule(kind="manifest", times=1, **effect)
    assert m.tags("team/app").joinpath("v1").stat().st_size > 0
    assert len(one.requests(kind="manifest")) == 2


def test_retry_after_is_obeyed(one, mount):
    m = mount(one)
    one.rule(kind="manifest", times=1, **answer(429, headers={"Retry-After": "2"}))
    m.tags("team/app").joinpath("v1").stat()
    first, second = one.requests(kind="manifest")
    assert second["time"] - first["end"] > 1.9


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_tried_again(one, mount, status):
    m = mount(one)
    one.rule(kind="manifest", **answer(status))
    stat_fails_with(m)
    assert len(one.requests(kind="manifest")) == 1


def test_a_failing_listing(one, mount):
    m = mount(one, ENOUGH)
    for status, expected in {403: "EACCES", 500: "EIO", 503: "EAGAIN"}.items():
        rule = one.rule(kind="tags", **answer(status))
        assert errno_of(os.listdir, m / "team/app/_tags") == expected
        one.forget(rule)
    assert os.listdir(m / "team/app/_tags") == ["v1"]


def test_find_reports_and_goes_on(fault, mount):
    """One tag of many cannot be dated: find names it, skips it and says so in its exit status."""
    fault.push_all("a", {f"t{i}": im.image(days_ago(60)) for i in range(20)})
    fault.rule(kind="manifest", reference="t7", status=500)
    done = run("find", mount(fault, ENOUGH).tags("a"), "-type", "f", "-mtime", "+30", check=False)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 19 and "t7" in done.stderr and done.stderr.count("\n") == 1


def test_a_tag_that_vanishes_during_a_walk(fault, mount):
    fault.push_all("a", {f"t{i}": im.image(days_ago(60)) for i in range(20)})
    m = mount(fault)
    lines("ls", m.tags("a"))
    fault.untag("a", "t7")
    assert errno_of(os.stat, m.tags("a") / "t7") == "ENOENT"
    assert m.tags("a").joinpath("t8").stat().st_size > 0


def test_digest_header_missing(one, mount):
    one.rule(kind="manifest", digest="")
    assert mount(one).tags("team/app").joinpath("v1").stat().st_size > 0


def test_chunked_answers(one, mount):
    for kind in ("catalog", "tags", "manifest", "blob"):
        one.rule(kind=kind, chunked=True)
    assert len(lines("find", mount(one).dir, "-path", "*/_tags/v1", "-mtime", "-5")) == 1
