# SPDX-License-Identifier: MIT
"""regfs-undelete against a registry that fails and lies, and over journals that were damaged."""
import json
import signal

import pytest

from lib import images as im
from lib.ports import wait_until
from lib.registry_api import Api
from lib.shell import days_ago
from lib.undelete import Removals, Undelete

pytestmark = pytest.mark.thorough

PLACEHOLDER = im.Image(im.OCI_INDEX, b'{"schemaVersion":2,"mediaType":"' + im.OCI_INDEX.encode() + b'","manifests":[]}')


class Case:
    """A fault registry where a:v1 was removed; its layers are there."""

    def __init__(self, server, folder, image=None):
        self.server, self.journal, self.run = server, Removals(folder, server), Undelete(folder)
        self.image = image or im.image(days_ago(40))
        server.push_all("a", [(None, self.image)])
        server.lose("a", *[part.digest for part in self.image.family()])
        self.folder = self.journal.add("a", self.image, "v1", along=[("child", c) for c in self.image.children])

    def lines(self):
        return self.folder / "removals.jsonl"

    def tags(self):
        return self.server.show("a")["tags"]

    def refused(self, *words):
        """What is said of the tag, which must not be there then."""
        done = self.run(*words)
        assert done.status == 1 and "v1" not in self.tags(), done.out
        return done["a:v1"].removeprefix("not put back: ")

    def restored(self):
        done = self.run()
        assert done.status == 0, done.out + done.err
        assert self.tags()["v1"] == self.image.digest
        assert self.image.digest in self.server.show("a")["manifests"]
        return done


@pytest.fixture
def one(fault, tmp_path, regfs):
    return Case(fault, tmp_path)


@pytest.fixture
def index(fault, tmp_path, regfs):
    return Case(fault, tmp_path, im.index([im.image(days_ago(40)), im.image(days_ago(40), platform="linux/arm64")]))


# What is asked

def test_what_is_put_and_in_which_order(index):
    """Children by digest, the index by digest, the tag: each once, and nothing else changes anything."""
    index.restored()
    children = {c.digest for c in index.image.children}
    changes = index.server.changes()
    assert all((method, repository, done) == ("PUT", "a", True) for method, repository, _, done in changes)
    assert {reference for _, _, reference, _ in changes[:2]} == children
    assert [reference for _, _, reference, _ in changes[2:]] == [index.image.digest, "v1"]
    index.server.reset()
    assert index.run().status == 0 and index.server.changes() == []


def test_a_dry_run_only_reads(index):
    done = index.run("--dry-run")
    assert done.status == 0 and done["a:v1"].startswith("would be put back")
    assert index.server.changes() == [] and index.tags() == {}


def test_many_at_a_time(fault, tmp_path, regfs):
    """A hundred tags do not take a hundred times as long: what is looked for is looked for together."""
    journal, run = Removals(tmp_path, fault), Undelete(tmp_path)
    images = {f"t{i:03}": im.image(days_ago(40)) for i in range(100)}
    fault.push_all("a", [(None, image) for image in images.values()])
    fault.lose("a", *[image.digest for image in images.values()])
    for tag, image in images.items():
        journal.add("a", image, tag)
    hold = fault.rule(kind="manifest", hold="request")
    fault.reset()
    process = run.start()
    wait_until(lambda: fault.state()["held"] >= 32, 60, "many are asked for before one is answered")
    fault.forget(hold)
    fault.release()
    done = run.finish(process)
    assert done.status == 0 and [line.partition(":")[2][:4] for line in done.lines[:-1]] == sorted(images)
    # A layer that all have is looked for once.
    assert len(fault.requests(reference=im.digest_of(im.DEFAULT_LAYER[0]), method="HEAD")) == 1
    assert fault.show("a")["tags"] == {tag: image.digest for tag, image in images.items()}


# What is missing

def test_each_missing_blob_by_its_digest(one):
    for digest in one.image.blobs:
        one.server.lose("a", digest)
        assert one.refused() == f"blob {digest} is not in the registry any more"
        one.server.push_all("a", [(None, one.image)])
        one.server.lose("a", one.image.digest)
    assert one.server.changes() == []


def test_a_blob_of_another_size(one):
    digest = one.image.document["config"]["digest"]
    one.server.rule(kind="blob", reference=digest, method="HEAD", status=200, body=b"xy")
    assert one.refused() == f"blob {digest} has 2 bytes in the registry, not {len(one.image.config)}"


def test_a_blob_that_the_registry_only_remembers(one):
    digest = one.image.document["config"]["digest"]
    one.server.rule(kind="blob", reference=digest, method="GET", cut=0)
    assert one.refused().startswith(f"blob {digest} cannot be read, though the registry says that it is there: ")
    assert one.server.changes() == []


def test_a_child_without_its_layer(index):
    """Neither the index nor its other child is put: nothing would hold it."""
    config = index.image.children[1].document["config"]["digest"]
    index.server.lose("a", config)
    assert index.refused() == f"blob {config} is not in the registry any more"
    assert index.server.changes() == []


def test_a_child_that_nobody_has(one):
    lost = im.image()
    whole = im.index([one.image, lost])
    one.journal.add("a", whole, "v2")
    done = one.run("a:v2")
    assert done["a:v2"] == f"not put back: manifest {lost.digest} is neither in the registry nor in the journal"
    assert one.server.changes() == []


def test_layers_that_no_registry_holds(fault, tmp_path, regfs):
    foreign = im.manifest(im.as_bytes({"os": "windows"}), im.DOCKER_CONFIG,
                          [("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"far away")], docker=True)
    one = Case(fault, tmp_path, foreign)
    fault.settings(validate=False)
    fault.lose("a", im.digest_of(b"far away"))
    one.restored()


def test_an_index_of_blobs(fault, tmp_path, regfs):
    """The cache of a build: what its index lists are layers."""
    layer, kind = im.layer("cached\n")[0], "application/vnd.docker.image.rootfs.diff.tar.gzip"
    cache = im.Image(im.OCI_INDEX, im.as_bytes({"schemaVersion": 2, "mediaType": im.OCI_INDEX,
                                                "manifests": [im.descriptor(kind, layer)]}),
                     {im.digest_of(layer): layer})
    one = Case(fault, tmp_path, cache)
    fault.settings(validate=False)
    one.restored()
    fault.lose("a", cache.digest, im.digest_of(layer))
    fault.untag("a", "v1")
    assert one.refused() == f"blob {im.digest_of(layer)} is not in the registry any more"


# Answers that are lies, and those that never come

def test_a_yes_to_a_manifest_proves_nothing(one):
    one.server.rule(kind="manifest", by="digest", method="PUT", do=False)
    assert one.refused().startswith(f"the registry said that it stored manifest {one.image.digest}, but does not have it")


def test_a_yes_to_a_tag_proves_nothing(one):
    one.server.rule(kind="manifest", by="tag", method="PUT", do=False)
    assert one.refused().startswith("the registry said that it stored the tag, but it cannot be read back: ")


@pytest.mark.parametrize("by", ["digest", "tag"])
@pytest.mark.parametrize("effect", [{"reset": True}, {"cut": 0, "status": 201}, {"status": 500}, {"status": 504}, {"status": 403}])
def test_a_no_proves_nothing(one, by, effect):
    """It was done, and the answer denied it or never came: what is read back decides. Nothing is put twice."""
    one.server.rule(kind="manifest", by=by, method="PUT", do=True, **effect)
    assert one.restored()["a:v1"] == f"put back, {one.image.digest}"
    assert len(one.server.changes()) == 2


@pytest.mark.parametrize("by, said", [("digest", "the registry does not take manifest sha256:"),
                                      ("tag", "the registry does not take the tag: ")])
def test_a_refusal_is_told(one, by, said):
    body = json.dumps({"errors": [{"code": "DENIED", "message": "not for you"}]}).encode()
    one.server.rule(kind="manifest", by=by, method="PUT", status=403, body=body, type="application/json")
    refusal = one.refused()
    assert refusal.startswith(said) and refusal.endswith("not for you (403 DENIED)")


def test_a_registry_that_is_read_only(one):
    one.server.settings(read_only=True)
    assert "405" in one.refused()


@pytest.mark.parametrize("kind, method", [("manifest", "GET"), ("blob", "HEAD"), ("blob", "GET")])
def test_what_cannot_be_looked_at_is_not_put(one, kind, method):
    rule = one.server.rule(kind=kind, method=method, status=403)
    one.refused()
    assert one.server.changes() == []
    one.server.forget(rule)
    one.restored()


def test_the_last_look_fails(one):
    one.server.rule(kind="manifest", method="HEAD", status=403)
    one.refused()
    assert [reference for _, _, reference, _ in one.server.changes()] == [one.image.digest]


def test_a_registry_that_is_not_there(one):
    one.server.kill()
    done = one.run()
    assert done.status == 1 and one.server.host in done.err and done.out == ""


def test_one_failure_is_no_other_tags(fault, tmp_path, regfs):
    one, other = Case(fault, tmp_path), im.image(days_ago(40))
    fault.push_all("b", [(None, other)])
    one.journal.add("b", other, "v1")
    fault.lose("a", one.image.document["config"]["digest"])
    done = one.run()
    assert done.status == 1 and done["b:v1"] == f"put back, {other.digest}"
    assert done.summary == "put back: 1; there already: 0; not put back: 1"


# Somebody else pushes

@pytest.mark.parametrize("placeholder", [False, True])
def test_a_push_while_it_works(one, placeholder):
    """The tag is pushed after it was looked at, while its manifest is put: the push stays."""
    new = im.image(days_ago(1))
    if placeholder:
        one.server.push("a", "v1", PLACEHOLDER)
        one.journal.add("a", one.image, "v1", action="untag", placeholder=PLACEHOLDER, outcome=None)
    one.server.rule(kind="manifest", by="digest", method="PUT", hold="request")
    process = one.run.start()
    one.server.wait_for(1, method="PUT")
    one.server.push("a", "v1", new)
    one.server.release()
    done = one.run.finish(process)
    assert done.status == 1 and done["a:v1"] == f"not put back: the tag was pushed anew, now {new.digest}"
    assert one.tags() == {"v1": new.digest}


def test_another_one_puts_it_back_meanwhile(one):
    one.server.rule(kind="manifest", by="digest", method="PUT", hold="request")
    process = one.run.start()
    one.server.wait_for(1, method="PUT")
    one.server.push("a", "v1", one.image)
    one.server.release()
    done = one.run.finish(process)
    assert done.status == 0 and done["a:v1"] == "is there"


@pytest.mark.parametrize("by", ["digest", "tag"])
@pytest.mark.parametrize("hold", ["request", "answer"])
def test_killed_in_the_middle(index, by, hold):
    """Killed before or after any step took place: the next run does the rest."""
    rule = index.server.rule(kind="manifest", by=by, method="PUT", hold=hold)
    process = index.run.start()
    index.server.wait_for(1, method="PUT", kind="manifest")
    process.send_signal(signal.SIGKILL)
    assert index.run.finish(process).status == -signal.SIGKILL
    index.server.forget(rule)
    index.server.release()
    index.restored()
    api = Api(index.server)
    api.whole("a", "v1")
    api.close()


# Journals

def damage_torn(one):
    with one.lines().open("a") as f:
        f.write('{"version":1,"id":2,"ti')


def damage_foreign(one):
    (one.journal.dir / "lost+found").mkdir()
    (one.journal.dir / "README").write_text("not ours")


@pytest.mark.parametrize("damage, said", [(damage_torn, ":3: the last line is torn"), (damage_foreign, "not part of a journal")])
def test_what_loses_nothing_is_only_told(one, damage, said):
    damage(one)
    assert said in one.restored().err


@pytest.mark.parametrize("line, said", [
    (b"garbage", "no JSON object"), (b"\xff\xfe\x00", "no JSON object"), (b'{"version":9,"id":1}', "of a version"),
    (b'{"version":1,"id":7,"outcome":"kept"}', "whose beginning is not there"), (b"", "no JSON object"),
    (b"[" * 100_000, "no JSON object")])
def test_a_line_that_cannot_be_read(one, line, said):
    """The others count, and the exit status says that something may be missing."""
    one.lines().write_bytes(line + b"\n" + one.lines().read_bytes())
    done = one.run()
    assert done.status == 1 and done["a:v1"] == f"put back, {one.image.digest}"
    assert f"{one.lines()}:1: " in done.err and said in done.err and done.err.count("\n") == 1


def test_nothing_in_a_journal_is_a_path(one):
    secret = one.journal.folder / "secret"
    secret.write_bytes(one.image.data)
    text = one.lines().read_text()
    one.lines().write_text(text.replace(one.image.digest, "../../secret"))
    assert one.run().status == 1
    one.lines().write_text(text)
    copy = one.folder / one.image.digest
    copy.unlink()
    copy.symlink_to(secret)
    assert "the copy in the journal" in one.refused() and "cannot be read" in one.refused()


def test_a_damaged_copy(one):
    copy = one.folder / one.image.digest
    copy.write_bytes(copy.read_bytes().replace(b"schemaVersion", b"SchemaVersion"))
    refusal = one.refused()
    assert f"({one.folder.name}, line 1) is damaged" in refusal and one.image.digest in refusal
    assert one.server.changes() == []


def test_a_sound_copy_of_another_removal(one):
    """Of two copies one is damaged, one is missing in its own run: the third does."""
    (one.folder / one.image.digest).write_bytes(b"damaged")
    for _ in range(2):
        last = one.journal.add("a", one.image, "v1")
    (last / one.image.digest).unlink()
    one.restored()


def test_no_copy_is_needed_of_what_is_there(one):
    one.server.push_all("a", [("other", one.image)])
    (one.folder / one.image.digest).unlink()
    one.restored()


def test_the_date_of_a_run_is_only_a_name(one):
    """Whatever clocks and folders say: a run that was moved aside is read as it stands."""
    one.folder.rename(one.journal.dir / "19700101T000000Z-1-77")
    one.restored()
