# SPDX-License-Identifier: MIT
"""regfs-undelete against registries that do what they say: what was removed is there again, whole."""
import json
import re
import subprocess
from pathlib import Path

import pytest

from lib import images as im
from lib import servers
from lib.collect import collect, stored
from lib.shell import days_ago
from lib.undelete import Removals, Undelete

PLACEHOLDER = im.Image(im.OCI_INDEX, b'{"schemaVersion":2,"mediaType":"' + im.OCI_INDEX.encode() +
                       b'","manifests":[],"annotations":{"regfs":"one of a kind"}}')


@pytest.fixture
def undelete(tmp_path, regfs):
    return Undelete(tmp_path)


@pytest.fixture
def removals(tmp_path):
    """removals(SERVER): the test's journal."""
    return lambda server: Removals(tmp_path, server)


def platforms(**more):
    """An index of two platforms and an attestation."""
    children = [im.image(days_ago(40), platform=p, **more) for p in ("linux/amd64", "linux/arm64")]
    return im.index([*children, im.attestation(children[0])])


def remove(api, repository, *images):
    """By their digests, parents first."""
    for image in images:
        assert api.delete(repository, image.digest) == 202, image.digest


def test_an_image_and_all_that_hung_from_it(erasable, api, place, removals, undelete):
    """An index with two tags, its platforms, a cosign signature by tag and a referrer without one."""
    ask, index = api(erasable), platforms()
    signature, referrer = im.signature(), im.artifact(subject=index)
    name = im.signature_tag(index)
    erasable.push_all(place, [("v1", index), ("latest", index), (name, signature), (None, referrer), ("other", im.image())])
    before = ask.tags(place)
    children = list(index.children)
    removals(erasable).add(place, index, "v1", "latest", along=[
        *(("child", child) for child in children), ("referrer", signature, name), ("referrer", referrer)])
    remove(ask, place, index, *children, signature, referrer)
    assert set(ask.tags(place)) == {"other"}

    plan = undelete("--dry-run")
    assert plan.status == 0 and plan[f"{place}:v1"] == f"would be put back, {index.digest}"
    assert set(ask.tags(place)) == {"other"}

    done = undelete()
    assert (done.status, done.err) == (0, ""), done.out
    assert done[f"{place}:latest"] == f"put back, {index.digest}"
    assert done.summary == "put back: 3; there already: 0; not put back: 0"
    assert ask.tags(place) == before
    for tag in before:
        ask.whole(place, tag)
    assert ask.has(place, referrer.digest)
    for part in [index, *children, signature, referrer]:
        assert ask.manifest(place, part.digest) == (part.media_type, part.data)

    again = undelete()
    assert again.status == 0 and again[f"{place}:v1"] == "is there"
    assert again.summary == "put back: 0; there already: 3; not put back: 0"


def test_one_of_many(erasable, api, place, removals, undelete):
    """By name; a child that two indexes share is put back with the one that is named."""
    ask = api(erasable)
    shared = im.image(days_ago(40))
    one, two = im.index([shared, im.image()]), im.index([shared, im.image()])
    erasable.push_all(place, {"one": one, "two": two})
    journal = removals(erasable)
    journal.add(place, one, "one", along=[("child", one.children[1])])
    journal.add(place, two, "two", along=[("child", two.children[1]), ("child", shared)])
    remove(ask, place, one, one.children[1], two, two.children[1], shared)
    done = undelete(f"{place}:one")
    assert done.status == 0 and done.lines[:-1] == [f"{place}:one: put back, {one.digest}"]
    ask.whole(place, "one")
    assert set(ask.tags(place)) == {"one"} and not ask.has(place, two.digest)
    assert undelete(place).status == 0
    ask.whole(place, "two")


def test_a_name_that_was_taken_off(erasable, api, place, removals, undelete):
    """An untag leaves the manifest; cut off in the middle, it leaves a placeholder under the name."""
    ask, image = api(erasable), im.image(days_ago(40))
    erasable.push_all(place, {"keep": image})
    journal = removals(erasable)
    journal.add(place, image, "gone", action="untag", placeholder=PLACEHOLDER)
    journal.add(place, image, "half", action="untag", placeholder=PLACEHOLDER, outcome=None)
    ask.put(place, "half", PLACEHOLDER)
    done = undelete()
    assert done.status == 0, done.out
    assert ask.tags(place) == {"keep": image.digest, "gone": image.digest, "half": image.digest}


def test_what_was_pushed_anew_is_not_touched(erasable, api, place, removals, undelete):
    ask, old, new = api(erasable), im.image(days_ago(40)), im.image(days_ago(1))
    erasable.push_all(place, {"v1": old, "v2": old})
    removals(erasable).add(place, old, "v1", "v2")
    remove(ask, place, old)
    erasable.push(place, "v1", new)
    for words in ((), ("--dry-run",), (f"{place}:v1",)):
        done = undelete(*words)
        assert done.status == 1
        assert done[f"{place}:v1"].endswith(f"put back: the tag was pushed anew, now {new.digest}")
    assert ask.tags(place) == {"v1": new.digest, "v2": old.digest}


def test_of_several_removals_the_newest(erasable, api, place, removals, undelete):
    ask, journal = api(erasable), removals(erasable)
    images = [im.image(days_ago(40 - n)) for n in range(3)]
    for image in images:
        erasable.push(place, "latest", image)
        journal.add(place, image, "latest")
        remove(ask, place, image)
    assert undelete().status == 0
    assert ask.tags(place) == {"latest": images[2].digest}
    assert not ask.has(place, images[0].digest)


@pytest.mark.parametrize("outcome", [None, "unknown", "partly"])
def test_what_the_registry_really_has_decides(registry2, api, place, removals, undelete, outcome):
    """Removals of which nobody knows how far they came: of three manifests one, two or all are gone."""
    ask, journal = api(registry2), removals(registry2)
    found = {}
    for gone in range(4):
        index = im.index([im.image(), im.image()])
        found[f"v{gone}"] = index
        registry2.push(place, f"v{gone}", index)
        journal.add(place, index, f"v{gone}", along=[("child", c) for c in index.children], outcome=outcome)
        remove(ask, place, *[index, *index.children][:gone])
    done = undelete()
    assert done.status == 0, done.out
    assert done[f"{place}:v0"] == "is there"
    for tag, index in found.items():
        assert ask.digest(place, tag) == index.digest
        ask.whole(place, tag)


def test_an_index_that_is_there_lacks_a_platform(fault, removals, undelete):
    index = im.index([im.image(), im.image()])
    fault.push("a", "v1", index)
    removals(fault).add("a", index, "v1", along=[("child", c) for c in index.children], outcome="unknown")
    fault.lose("a", index.children[0].digest)
    done = undelete()
    assert done.status == 0 and done["a:v1"] == "is there"
    assert index.children[0].digest in fault.show("a")["manifests"]


def test_an_index_that_is_there_lacks_what_was_removed_by_itself(fault, removals, undelete):
    index = im.index([im.image(), im.image()])
    fault.push("a", "v1", index)
    journal = removals(fault)
    journal.add("a", index, "v1", outcome="unknown")
    journal.add("a", index.children[0])
    fault.lose("a", index.children[0].digest)
    done = undelete("a:v1")
    assert done.status == 0 and done["a:v1"] == "is there"
    assert index.children[0].digest in fault.show("a")["manifests"]


def test_what_failed_is_left_alone(registry2, api, place, removals, undelete):
    """The journal of a refusal: nothing was removed then, so that somebody else did is none of ours, unless asked."""
    ask, image = api(registry2), im.image(days_ago(40))
    registry2.push(place, "v1", image)
    removals(registry2).add(place, image, "v1", outcome="kept")
    remove(ask, place, image)
    assert undelete().lines == ["put back: 0; there already: 0; not put back: 0"]
    assert undelete(f"{place}:v1").status == 0
    assert ask.tags(place) == {"v1": image.digest}


def test_a_manifest_without_a_tag(erasable, api, place, removals, undelete):
    ask, image = api(erasable), im.image(days_ago(40))
    erasable.push_all(place, [("v1", im.image()), (None, image)])
    removals(erasable).add(place, image)
    remove(ask, place, image)
    done = undelete()
    assert (done.status, done[f"{place}@{image.digest}"]) == (0, "put back")
    assert ask.has(place, image.digest)
    remove(ask, place, image)
    assert undelete(f"{place}@{image.digest}").status == 0
    assert ask.has(place, image.digest)


# After a collection of garbage

DISTRIBUTION = [servers.Distribution2, servers.Distribution3]


def undelete_at(undelete, server, *words):
    """The server has another port after it was started again; the journal's is rewritten."""
    for path in undelete.dir.glob("*/removals.jsonl"):
        path.write_text(re.sub(r'"registry":"[^"]*"', f'"registry":"{server.url}"', path.read_text()))
    return undelete(*words)


@pytest.mark.parametrize("kind", DISTRIBUTION)
def test_collected_layers_are_named(own_server, api, removals, undelete, kind):
    """What lost its own layer is not put back; what shares all of its layers is."""
    server = own_server(kind)
    ask = api(server)
    own, shared = im.layer("its own\n"), im.layer("shared\n")
    doomed = im.image(days_ago(40), layers=[shared, own])
    index = im.index([doomed, im.image(days_ago(40), layers=[shared])])
    alive = im.image(days_ago(1), layers=[shared])
    server.push_all("app", {"old": index, "alive": alive})
    removals(server).add("app", index, "old", along=[("child", c) for c in index.children])
    remove(ask, "app", index, *index.children)
    server.stop()
    collect(server)
    server.start()
    for words in (("--dry-run",), ()):
        done = undelete_at(undelete, server, *words)
        assert done.status == 1
        lost = re.fullmatch(r".*put back: blob (sha256:\w+) is not in the registry any more", done["app:old"])
        assert lost and lost[1] in {im.digest_of(own[0]), *(im.digest_of(c.config) for c in index.children)}
    assert set(api(server).tags("app")) == {"alive"}
    assert not stored(server) & {index.digest, doomed.digest}


@pytest.mark.parametrize("kind", DISTRIBUTION)
def test_a_registry_that_was_not_restarted(own_server, api, removals, undelete, kind):
    """Its memory says that all is there: HEAD 200 and PUT 201. Nothing is believed, and no broken tag is left."""
    server = own_server(kind)
    ask = api(server)
    image = im.image(days_ago(40), layers=[im.layer("only here\n")])
    server.push_all("app", {"old": image, "alive": im.image(days_ago(1))})
    ask.whole("app", "old")  # so that it is in its memory
    removals(server).add("app", image, "old")
    remove(ask, "app", image)
    process, server.process = server.process, None
    collect(server)
    server.process = process
    done = undelete()
    assert done.status == 1 and "not put back: blob sha256:" in done["app:old"], done.out
    assert set(ask.tags("app")) == {"alive"}


# Which journal, which registry

def test_several_registries(fault, registry2, removals, undelete, place):
    image = im.image(days_ago(40))
    for server in (fault, registry2):
        server.push(place, "other", image)  # its layers
        removals(server).add(place, image, "v1")
    done = undelete()
    assert done.status == 2 and done.out == ""
    assert f"--registry {fault.url}\n" in done.err and f"--registry {registry2.url}\n" in done.err
    assert fault.requests(method="PUT") == []
    shown = undelete("--list")
    assert shown.status == 0 and fault.url in shown.out and registry2.url in shown.out
    for form in (fault.url + "/", fault.host, fault.url.upper().replace("HTTP", "http")):
        done = undelete("--registry", form, "--dry-run")
        assert done.status == 0 and done[f"{place}:v1"] == f"would be put back, {image.digest}", form
    for url in ("https://else.example", f"{fault.url}/elsewhere"):
        done = undelete("--registry", url)
        assert (done.status, done.out) == (1, "") and f"the journal holds nothing of {url} " in done.err
    done = undelete("--registry", f"{fault.url}/{place.partition('/')[0]}")
    assert done.status == 0 and fault.show(place)["tags"]["v1"] == image.digest
    assert undelete("--registry", "https://else.example", f"{place}:v1").status == 1


def test_the_table(fault, removals, undelete):
    one, two = im.image(), im.image()
    journal = removals(fault)
    journal.add("team/app", one, "v1", "latest", along=[("child", two)])
    journal.add("team/app", two, outcome=None)
    journal.add("b", two, "x", outcome="kept", action="untag")
    shown = undelete("--list")
    assert (shown.status, shown.err) == (0, "")
    rows = [line.split() for line in shown.lines]
    assert rows[0] == ["TIME", "REGISTRY", "NAME", "DIGEST", "OUTCOME", "WHO"]
    assert [row[2:5] for row in rows[1:]] == [
        ["team/app:v1", one.digest, "removed"], ["team/app:latest", one.digest, "removed"],
        [f"team/app@{two.digest}", two.digest, "cut-off"], ["b:x", two.digest, "kept"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row[0]) and row[1] == fault.url for row in rows[1:])
    assert re.fullmatch(r"\w+ find\(\d+\)", " ".join(rows[1][5:]))
    assert len({line.index(" sha256:") for line in shown.lines[1:]}) == 1  # it is a table
    assert len(undelete("--list", "b").lines) == 2
    assert len(undelete("--list", "team/app:latest").lines) == 3
    assert len(undelete("--list", "--since", "1h").lines) == 5
    assert len(undelete("--list", "--since", "2999-01-01").lines) == 1
    assert fault.requests() == []


def test_since(fault, removals, undelete):
    old, new = im.image(), im.image()
    fault.push_all("a", {"x": old, "y": new})
    journal = removals(fault)
    run = journal.add("a", old, "v1")
    lines = (run / "removals.jsonl").read_text()
    (run / "removals.jsonl").write_text(re.sub(r'"time":"[^"]*"', '"time":"2026-01-02T03:04:05Z"', lines))
    journal.add("a", new, "v2")
    assert undelete("--since", "2h", "--dry-run").lines[0].startswith("a:v2: would be")
    assert len(undelete("--since", "2026-01-02T03:04:05Z", "--dry-run").lines) == 3
    assert len(undelete("--since", "2026-01-02T03:04:06Z", "--dry-run").lines) == 2
    done = undelete("--since", "2h", "a:v1", "a:v2")
    assert done.status == 1 and done["a:v1"] == "not put back: the journal since then does not have it"
    assert set(fault.show("a")["tags"]) == {"x", "y", "v2"}


@pytest.mark.parametrize("words, message", [
    (["--nothing"], "unrecognized option"), (["--since", "soon"], "'soon' is no date"),
    (["--since"], "requires an argument"), (["App:v1"], "is no REPOSITORY"), (["reg.example:5000/app"], "is no REPOSITORY"),
    (["--registry", "https://joe:secret@reg.example"], "must not hold a user name"), (["--registry", "ftp://x"], "scheme"),
])
def test_a_wrong_command_line(undelete, words, message):
    done = undelete(*words)
    assert done.status == 2 and message in done.err and "secret" not in done.err and done.out == ""


def test_no_journal(undelete, tmp_path):
    done = undelete()
    assert done.status == 1 and "No such file or directory" in done.err and "--journal" in done.err
    undelete.dir.mkdir()
    assert undelete().status == 0
    assert undelete("--list").lines == ["TIME  REGISTRY  NAME  DIGEST  OUTCOME  WHO"]


def test_help_and_version(undelete):
    text = undelete("--help")
    assert text.status == 0 and text.err == "" and max(map(len, text.lines)) <= 80
    assert re.fullmatch(r"regfs-undelete \d+\.\d+\.\d+\n", undelete("--version").out)
    page = Path(__file__).resolve().parents[2].joinpath("client", "regfs-undelete.1")
    for option in re.findall(r"^    (--[a-z-]+)", text.out, re.M):
        assert f".It Fl {option[1:]}" in page.read_text(), option
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True)
    assert lint.stdout == "" and lint.returncode == 0


def test_credentials(fault, removals, undelete, tmp_path):
    image = im.image()
    fault.push("a", "x", image)
    removals(fault).add("a", image, "v1")
    fault.access("bearer", user="joe", password="right")
    refused = undelete()
    assert refused.status == 1 and "right" not in refused.out + refused.err
    assert undelete(REGFS_USER="joe", REGFS_PASSWORD="right").status == 0
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {fault.host: {"auth": "am9lOnJpZ2h0"}}}))
    assert undelete(REGISTRY_AUTH_FILE=tmp_path / "auth.json")["a:v1"] == "is there"


def test_tls(certificate, removals, undelete, own_server, api):
    server = own_server(servers.Distribution2, tls=certificate)
    image = im.image()
    server.push("a", "x", image)
    removals(server).add("a", image, "v1")
    assert "certificate" in undelete().err
    assert undelete("--cacert", certificate[0])["a:v1"] == f"put back, {image.digest}"
    assert undelete("--insecure")["a:v1"] == "is there"
