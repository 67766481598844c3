# SPDX-License-Identifier: MIT
"""Many calls at once: joined, cancelled, from many threads, at the end of a client; and every call's deadline."""
import json
import time

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.regtool import Regtool
from lib.shell import days_ago, end


@pytest.fixture
def tool(tmp_path, fault):
    image = im.image(days_ago(3))
    fault.push_all("a", {f"t{i:05}": image for i in range(2000)})
    return lambda *options: Regtool(tmp_path, fault, *options)


def test_many_threads(fault, tool):
    fault.rule(kind="manifest", delay=0.002)
    got = tool("-c", "16")("many", "a", 20, 100)
    assert (got["good"], got["failed"], got["cancelled"]) == (2000, 0, 0)
    assert len(fault.requests(kind="manifest")) == 2000
    assert 1 < fault.state()["peak"] <= 16 and fault.state()["peak_connections"] <= 16


def joined(fault, tool, *words):
    """The answer is not given before all calls are made."""
    fault.rule(kind="manifest", hold="answer")
    process = tool("-t", "300").start("joined", *words, "manifest", "a", "t00001")
    try:
        assert process.stdout.readline()
        fault.wait_for(1, kind="manifest")
        fault.forget()
        fault.release()
        out, errors = process.communicate(timeout=60)
    finally:
        end(process)
    assert process.returncode == 0, errors
    return json.loads(out)


def test_the_same_call_is_one_transfer(fault, tool):
    got = joined(fault, tool, 200, 0)
    assert got["good"] == 200
    assert len(fault.requests(kind="manifest")) == 1


def test_some_of_those_that_share_a_transfer_leave(fault, tool):
    got = joined(fault, tool, 10, 9)
    assert (got["good"], got["cancelled"]) == (1, 9)
    assert len(fault.requests(kind="manifest")) == 1


@pytest.mark.parametrize("where", ["request", "headers", "body"])
@pytest.mark.parametrize("words", [("manifest", "a", "t00001"), ("tags", "a"), ("catalog",), ("ping",)])
def test_cancel(fault, tool, where, words):
    fault.rule(kind=words[0], hang=where)
    got = tool("-t", "300", "-l", "300")("cancel", 300, *words)  # longer than it is waited for
    assert (got["cancelled"], got["last"]) == (1, "ECANCELED")
    assert wait_until(lambda: fault.state()["active"] == 0, 10, "the transfer has ended")


def test_cancel_before_anything_is_sent(fault, tool):
    got = tool()("cancel", 0, "manifest", "a", "t00001")
    assert got["good"] + got["cancelled"] == 1 and got["failed"] == 0


def test_free_answers_what_is_under_way(fault, tool):
    fault.rule(kind="manifest", hang="request")
    got = tool("-t", "300")("free", 50, "manifest", "a", "t00001")
    assert (got["cancelled"], got["last"]) == (50, "ECANCELED")


@pytest.mark.parametrize("words", [("manifest", "a", "t00001"), ("ping",), ("tags", "a"), ("catalog",)])
@pytest.mark.parametrize("effect", [{"hang": "request"}, {"hang": "body"}, {"drip": 0.3},
                                    {"status": 503, "headers": {"Retry-After": "4"}}])
def test_deadlines(fault, tool, words, effect):
    fault.rule(kind=words[0], **effect)
    before = time.monotonic()
    most = "7" if "status" in effect else "2"  # it is asked twice, with time for both answers
    got = tool("-t", most, "-l", most)(*words)
    if words == ("ping",) and "drip" in effect:
        assert got["err"] in ("", "ETIMEDOUT")  # two bytes may make it
    else:
        assert got["err"] == ("EAGAIN" if "status" in effect else "ETIMEDOUT")
    assert time.monotonic() - before < 20


def test_a_listing_has_a_deadline_of_its_own(fault, tool):
    fault.rule(kind="catalog", delay=2.5)
    assert tool("-t", "1", "-l", "30")("catalog")["err"] == ""


def test_a_hang_takes_not_all_connections(fault, tool):
    """Calls that hang hold their places; the others still finish."""
    fault.push_all("hung", {"t00000": im.image(days_ago(1))})
    fault.rule(kind="manifest", repository="hung", hang="request")
    tool_hung = tool("-c", "4", "-t", "20")
    hanging = tool_hung.start("manifest", "hung", "t00000")
    try:
        fault.wait_for(1, repository="hung")
        assert tool("-c", "4")("many", "a", 4, 50)["good"] == 200
    finally:
        hanging.kill()
        hanging.communicate()
