# SPDX-License-Identifier: MIT
"""What --json prints is what the manual says that it prints."""
import re
from pathlib import Path

import pytest

from lib import images as im
from lib.gc import REFUSED
from lib.stores import BUILTIN, small

MANUAL = Path(__file__).resolve().parent.parent.parent / "client" / "regfs-gc.1"


def described():
    text = re.split(r"\n\.S[hs] ", MANUAL.read_text().partition(".Ss JSON\n")[2])[0]
    return set(re.findall(r"[a-z_]+", text.replace("\\(dq", " ")))


def members(value):
    if isinstance(value, list):
        return set().union(*map(members, value))
    return set(value).union(*map(members, value.values())) if isinstance(value, dict) else set()


@pytest.fixture
def store(server2):
    """With something to say of nearly everything."""
    small(server2)
    image = im.image(layers=[im.layer("untagged")])
    server2.push("app", "v9", image)
    server2.push("app", "v9", im.image(layers=[im.layer("in its place")]))
    server2.push("both", "v1", im.index([image]))
    upload = server2.storage / "docker/registry/v2/repositories/app/_uploads/one"
    upload.mkdir(parents=True)
    (upload / "startedat").write_text("2020-01-01T00:00:00Z")
    stray = server2.storage / "docker/registry/v2/stray"
    stray.touch()
    server2.stop()
    return server2


@pytest.mark.parametrize("words", [
    ["check", "--verify"], ["plan"], ["plan", "--delete-untagged"], ["blobs"], ["run", "--dry-run"],
    ["run", "--delete-untagged"], ["run", *BUILTIN, "--dry-run"], ["run", *BUILTIN], ["restore"]], ids=" ".join)
def test_every_member_is_in_the_manual(gc, store, words):
    status = REFUSED if words == ["run", "--delete-untagged"] else 0
    document = gc(words[0], store, *words[1:], status=status).json
    assert len(members(document)) > 5
    assert members(document) - described() == set()
