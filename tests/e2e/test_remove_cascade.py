# SPDX-License-Identifier: MIT
"""What goes along with a tag: children, attestations, signatures, referrers, where nothing else holds them; and
what rm does in the views beside _tags."""
import os

import pytest

from lib import images as im
from lib import journal as journals
from lib import servers
from lib.model import Repository
from lib.removing import delete_older, listed
from lib.shell import days_ago, errno_of, lines, run


def old(**more):
    return im.image(days_ago(60), **more)


def pair(**more):
    return [old(platform=f"linux/{a}", **more) for a in ("amd64", "arm64")]


@pytest.fixture
def cascade(erasable, place, api, remover):
    """cascade({tag: image}, loose, rm=TAGS): pushes, removes, compares with lib/model.py what is left."""
    asking = api(erasable)

    def run_case(tags, loose=(), rm=(), *options):
        repository = Repository(tags, loose)
        erasable.push_all(place, repository.pushes())
        m = remover(erasable, *options)
        run("rm", *(m.tags(place) / tag for tag in rm))
        left = repository.without(rm)
        assert asking.tags(place) == {tag: image.digest for tag, image in left.tags.items()}
        assert {d for d in repository.manifests() if asking.has(place, d)} == set(left.manifests())
        for tag in left.tags:
            asking.whole(place, tag)
        assert listed(m, place) == set(left.tags)
        assert {p for p in os.listdir(m / place / "_manifests")} <= set(left.manifests()) if left.tags else True
        return m, left
    run_case.native = isinstance(erasable, servers.Zot)
    run_case.kind = type(erasable)
    return run_case


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_an_index_and_its_children(cascade, journal, docker):
    images = pair(docker=docker)
    _, left = cascade({"v1": im.index(images, docker=docker), "v2": old()}, rm=["v1"])
    assert set(left.tags) == {"v2"} and len(left.manifests()) == 1
    removal, = journals.finished(journal)
    roles = [(m["digest"], m["role"]) for m in removal.before["manifests"]]
    assert roles[0][1] == "image" and {r for r in roles[1:]} == {(i.digest, "child") for i in images}


def test_attestations(cascade):
    images = pair()
    _, left = cascade({"v1": im.index(images + [im.attestation(i) for i in images])}, rm=["v1"])
    assert not left.manifests()


def test_a_child_of_two_indexes(cascade):
    common, left, right = old(), old(), old()
    _, rest = cascade({"a": im.index([common, left]), "b": im.index([common, right])}, rm=["a"])
    assert set(rest.manifests()) >= {common.digest, right.digest} and left.digest not in rest.manifests()


def test_two_indexes_and_the_child_of_both(cascade):
    common = old()
    _, rest = cascade({"a": im.index([common, old()]), "b": im.index([common, old()])}, rm=["a", "b"])
    assert not rest.manifests()


def test_an_index_in_an_index(cascade):
    inner = im.index(pair())
    _, rest = cascade({"outer": im.index([inner, old()])}, rm=["outer"])
    assert not rest.manifests()


def test_an_inner_index_that_is_tagged(cascade):
    inner = im.index(pair())
    _, rest = cascade({"outer": im.index([inner, old()]), "inner": inner}, rm=["outer"])
    assert set(rest.tags) == {"inner"} and len(rest.manifests()) == 3


def test_children_that_are_indexes_children_twice(cascade):
    """The same child below the outer index and below an inner one: it goes once."""
    child = old()
    _, rest = cascade({"outer": im.index([im.index([child]), child])}, rm=["outer"])
    assert not rest.manifests()


@pytest.mark.parametrize("suffix", [".sig", ".att", ".sbom"])
def test_cosign_s_tags(cascade, suffix):
    image, other = old(), old()
    tags = {"v1": image, im.signature_tag(image, suffix): im.signature(), "v2": other,
            im.signature_tag(other, suffix): im.signature()}
    _, rest = cascade(tags, rm=["v1"])
    assert set(rest.tags) == {"v2", im.signature_tag(other, suffix)}


def test_signatures_of_index_and_children(cascade):
    images = pair()
    index = im.index(images)
    tags = {"v1": index, **{im.signature_tag(i): im.signature() for i in [index, *images]}}
    _, rest = cascade(tags, rm=["v1"])
    assert not rest.tags and not rest.manifests()


def test_the_signature_of_a_child_that_stays(cascade):
    common, other = old(), old()
    tags = {"a": im.index([common, old()]), "b": im.index([common, other]),
            im.signature_tag(common): im.signature()}
    _, rest = cascade(tags, rm=["a"])
    assert im.signature_tag(common) in rest.tags


def test_a_signature_with_another_name(cascade):
    """Somebody tagged the signature as well: it is held, and stays as it is."""
    image, signature = old(), im.signature()
    _, rest = cascade({"v1": image, im.signature_tag(image): signature, "proof": signature}, rm=["v1"])
    assert set(rest.tags) == {"proof", im.signature_tag(image)}


def test_a_signature_alone(cascade):
    image = old()
    _, rest = cascade({"v1": image, im.signature_tag(image): im.signature()}, rm=[im.signature_tag(image)])
    assert set(rest.tags) == {"v1"}


def test_the_same_signature_of_two_images(cascade):
    one, two, signature = old(), old(), im.signature()
    _, rest = cascade({"v1": one, "v2": two, im.signature_tag(one): signature, im.signature_tag(two): signature},
                      rm=["v1"])
    assert set(rest.tags) >= {"v2", im.signature_tag(two)}


def test_the_same_signature_of_two_images_that_go(cascade):
    one, two, signature = old(), old(), im.signature()
    _, rest = cascade({"v1": one, "v2": two, im.signature_tag(one): signature, im.signature_tag(two): signature},
                      rm=["v1", "v2"])
    assert not rest.manifests()


def referred(cascade, subject, *artifacts):
    """Tags and loose manifests by which a client attaches artifacts to a subject, as this registry wants it."""
    if cascade.native:
        return {}, artifacts
    return {im.signature_tag(subject, ""): im.index(artifacts)}, artifacts


def test_referrers(cascade, journal):
    image = old()
    tags, loose = referred(cascade, image, im.artifact(subject=image), im.signature(subject=image))
    _, rest = cascade({"v1": image, **tags}, loose, ["v1"])
    assert not rest.tags and not rest.manifests()
    removal, = journals.finished(journal)
    assert {m["digest"] for m in removal.before["manifests"]} >= {a.digest for a in loose}


def test_referrers_of_a_referrer(cascade):
    image = old()
    sbom = im.artifact(subject=image)
    proof = im.signature(subject=sbom)
    tags, loose = referred(cascade, image, sbom)
    more, others = referred(cascade, sbom, proof)
    _, rest = cascade({"v1": image, **tags, **more}, [*loose, *others], ["v1"])
    assert not rest.manifests()


def test_a_referrer_that_is_tagged(cascade):
    image = old()
    sbom = im.artifact(subject=image)
    tags, loose = referred(cascade, image, sbom)
    _, rest = cascade({"v1": image, "sbom": sbom, **tags}, loose, ["v1"])
    assert set(rest.tags) == {"sbom"} and set(rest.manifests()) == {sbom.digest}


def test_referrers_of_a_name_that_is_shared(cascade):
    image = old()
    tags, loose = referred(cascade, image, im.artifact(subject=image))
    _, rest = cascade({"v1": image, "v1.0": image, **tags}, loose, ["v1"])
    assert len(rest.manifests()) == 2 + len(tags)


def test_referrers_of_a_child(cascade):
    images = pair()
    tags, loose = referred(cascade, images[0], im.artifact(subject=images[0]))
    _, rest = cascade({"v1": im.index(images), **tags}, loose, ["v1"])
    assert not rest.manifests()


def test_children_that_the_registry_does_not_have(erasable, place, api, remover):
    """A mirror left a platform out, or a cleaner took it: the index goes all the same."""
    asking, images = api(erasable), pair()
    index = im.index(images)
    erasable.push_all(place, {"v1": index, "v2": old()})
    assert asking.delete(place, images[0].digest) == (405 if isinstance(erasable, servers.Zot) else 202)
    m = remover(erasable)
    run("rm", m.tags(place) / "v1")
    assert set(asking.tags(place)) == {"v2"}
    assert not asking.has(place, images[1].digest)


def test_other_repositories_keep_theirs(erasable, place, api, remover):
    asking, index = api(erasable), im.index(pair())
    for name in (place, place + "/below"):
        erasable.push(name, "v1", index)
    m = remover(erasable)
    run("rm", m.tags(place) / "v1")
    assert asking.tags(place) == {}
    assert asking.tags(place + "/below") == {"v1": index.digest}
    asking.whole(place + "/below", "v1")


# _manifests, _configs and the directories themselves

def test_manifests_that_are_held(erasable, place, api, remover, journal):
    asking, index, single = api(erasable), im.index(pair()), old()
    erasable.push_all(place, {"multi": index, "single": single})
    m = remover(erasable)
    for name in os.listdir(m / place / "_manifests"):
        assert errno_of(os.unlink, m / place / "_manifests" / name) == "EBUSY"
    assert asking.tags(place) == {"multi": index.digest, "single": single.digest}
    for tag in ("multi", "single"):
        asking.whole(place, tag)
    assert not journals.removed_tags(journal)


def test_a_manifest_that_nothing_holds(erasable, place, api, remover, journal):
    asking, loose, tagged = api(erasable), old(), old()
    erasable.push_all(place, [("v1", tagged), (None, loose)])
    m = remover(erasable)
    run("rm", "-f", m / place / "_manifests" / loose.digest)
    assert not asking.has(place, loose.digest)
    assert errno_of(os.stat, m / place / "_manifests" / loose.digest) == "ENOENT"
    removal, = journals.finished(journal)
    assert removal.tag is None and removal.outcome == "removed" and removal.manifests == {loose.digest: loose.data}
    asking.whole(place, "v1")


def test_an_index_that_nothing_holds(erasable, place, api, remover):
    asking, images, tagged = api(erasable), pair(), old()
    index = im.index(images)
    erasable.push_all(place, [("v1", tagged), (None, index)])
    m = remover(erasable)
    run("rm", "-f", m / place / "_manifests" / index.digest)
    assert [i for i in (index, *images) if asking.has(place, i.digest)] == []
    asking.whole(place, "v1")


def test_configs_stay(erasable, place, api, remover):
    asking, image = api(erasable), old()
    erasable.push(place, "v1", image)
    m = remover(erasable)
    lines("ls", m / place / "_configs")
    assert errno_of(os.unlink, m / place / "_configs/v1") == "EPERM"
    assert asking.tags(place) == {"v1": image.digest}


def test_the_views_stay_while_they_hold_something(erasable, place, remover):
    erasable.push(place, "v1", old())
    m = remover(erasable)
    for view in ("_tags", "_manifests", "_configs", ""):
        assert errno_of(os.rmdir, m / place / view) in ("ENOTEMPTY", "EPERM", "EBUSY")
    assert listed(m, place) == {"v1"}


def test_find_over_one_repository_s_views(erasable, place, api, remover):
    """Every view has old entries when find begins; those beside _tags are gone when it comes to them."""
    asking = api(erasable)
    erasable.push_all(place, {"v1": im.index(pair()), "v2": old(), "new": im.image(days_ago(1))})
    m = remover(erasable)
    lines("find", m / place, "-ls")
    assert delete_older(m / place) == (0, "")
    assert set(asking.tags(place)) == {"new"}


def test_an_index_without_end(fault, remover):
    """Nobody built it to be run: it is not taken apart with everybody else waiting."""
    child = old()
    fault.push_all("a", {"v1": im.index([child] * 1001), "v2": old()})
    m = remover(fault)
    fault.reset()
    assert errno_of(os.unlink, m / "a/_tags/v1") == "EFBIG"
    assert [r for r in fault.requests(method="DELETE") if r["done"]] == []
    run("rm", m / "a/_tags/v2")
