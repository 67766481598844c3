# SPDX-License-Identifier: MIT
"""The five rules of the created date: design section 1."""
import pytest

from lib import images as im
from lib.shell import nanoseconds

A = "2022-03-04T05:06:07.123456789Z"
B = "2023-03-04T05:06:07Z"
C = "2024-03-04T05:06:07.5Z"
UNDATED = None


def history(*dates):
    return [{"created": date, "created_by": "RUN true"} for date in dates]


def config_with(text):
    """An image whose config is exactly this."""
    return im.manifest(text, im.OCI_CONFIG, [])


def nested():
    return im.index([im.index([im.image(A), im.image(C, platform="linux/arm64")]), im.image(B)])


TABLE = {
    # 1. the config's own
    "oci": (im.image(A), A),
    "docker": (im.image(A, docker=True), A),
    "offset": (im.image("2024-01-01T01:00:00.25+02:00"), "2023-12-31T23:00:00.25Z"),
    "negative-offset": (im.image("2024-01-01T23:00:00-08:00"), "2024-01-02T07:00:00Z"),
    "first-day": (im.image("2013-03-20T00:00:00Z"), "2013-03-20T00:00:00Z"),
    "leap-day": (im.image("2024-02-29T12:00:00Z"), "2024-02-29T12:00:00Z"),
    "config-before-annotation": (im.image(A, annotations={im.CREATED: C}), A),
    "config-before-history": (im.image(A, history=history(C)), A),
    # 2. an index
    "index": (im.index([im.image(A), im.image(C, platform="linux/arm64"), im.image(B, platform="linux/s390x")]), C),
    "list": (im.index([im.image(A, docker=True), im.image(B, docker=True, platform="linux/arm64")], docker=True), B),
    "index-annotation": (im.index([im.image(C)], annotations={im.CREATED: A}), A),
    "index-bad-annotation": (im.index([im.image(A)], annotations={im.CREATED: "yesterday"}), A),
    "index-old-annotation": (im.index([im.image(A)], annotations={im.CREATED: "1970-01-01T00:00:00Z"}), UNDATED),
    "index-attestation": (im.index([child := im.image(A), im.attestation(child, C)]), A),
    "index-one-undated": (im.index([im.image(A), im.image(platform="linux/arm64")]), A),
    "index-undated": (im.index([im.image(), im.image("1970-01-01T00:00:00Z", platform="linux/arm64")]), UNDATED),
    "index-empty": (im.index([]), UNDATED),
    "index-nested": (nested(), C),
    # 3. without a config date
    "artifact": (im.artifact(A), A),
    "artifact-undated": (im.artifact(), UNDATED),
    "annotation": (im.image(annotations={im.CREATED: B}), B),
    "history": (im.image(history=history(A, B, "0001-01-01T00:00:00Z")), B),
    "annotation-before-history": (im.image(history=history(C), annotations={im.CREATED: A}), A),
    "history-after-old": (im.image("1970-01-01T00:00:00Z", history=history(B)), UNDATED),
    # 5. undated
    "none": (im.image(), UNDATED),
    "year-one": (im.image("0001-01-01T00:00:00Z"), UNDATED),
    "1970": (im.image("1970-01-01T00:00:00Z"), UNDATED),
    "1980": (im.image("1980-01-01T00:00:01Z"), UNDATED),
    "day-before": (im.image("2013-03-19T23:59:59.999999999Z"), UNDATED),
    "future": (im.image("2999-01-01T00:00:00Z"), UNDATED),
    "words": (im.image("yesterday"), UNDATED),
    "empty": (im.image(""), UNDATED),
    "no-such-day": (im.image("2023-02-29T00:00:00Z"), UNDATED),
    "number": (config_with(b'{"created":1700000000,"os":"linux","architecture":"amd64"}'), UNDATED),
    "null": (config_with(b'{"created":null,"os":"linux","architecture":"amd64"}'), UNDATED),
    "empty-config": (config_with(b"{}"), UNDATED),
    # before OCI
    "schema1": (im.schema1(A, C, B), C),
    "schema1-undated": (im.schema1("0001-01-01T00:00:00Z"), UNDATED),
}


@pytest.fixture
def table(fault):
    fault.push_all("dates", {tag: image for tag, (image, _) in TABLE.items()})
    return fault


def test_the_rules(table, mount):
    m = mount(table)
    got = {tag: m.tags("dates").joinpath(tag).stat().st_mtime_ns for tag in TABLE}
    undated = {got.pop(tag) for tag, (_, date) in TABLE.items() if date is UNDATED}
    assert got == {tag: nanoseconds(date) for tag, (_, date) in TABLE.items() if date is not UNDATED}
    # All that have none share the mount's time.
    assert len(undated) == 1
    assert m.before - 1 <= undated.pop() / 1e9 <= m.after + 1


def test_undated_epoch(table, mount):
    m = mount(table, "undated=epoch")
    got = {tag: m.tags("dates").joinpath(tag).stat().st_mtime_ns for tag in TABLE}
    assert got == {tag: 0 if date is UNDATED else nanoseconds(date) for tag, (_, date) in TABLE.items()}


def test_what_belongs_to_an_image_has_its_date(fault, mount):
    old, young = im.image(A), im.image(C)
    multi = im.index([im.image(A), im.image(B, platform="linux/arm64")])
    gone = im.image(B)
    fault.push_all("signed", [
        ("old", old), ("young", young), ("multi", multi),
        ("subject", im.signature(subject=old)), ("subject-artifact", im.artifact(subject=young)),
        ("subject-index", im.signature(subject=multi)), ("subject-gone", im.signature(subject=gone)),
        (im.signature_tag(old), im.signature()), (im.signature_tag(young, ".att"), im.signature()),
        (im.signature_tag(multi, ".sbom"), im.artifact()),
        (im.signature_tag(gone), im.signature()),
        (im.signature_tag(young, ""), im.index([im.artifact(subject=young)])),
        ("of-a-signature", im.signature(subject=(first := im.signature(subject=old)))), (None, first),
    ])
    m = mount(fault)
    expected = {"subject": A, "subject-artifact": C, "subject-index": B, im.signature_tag(old): A,
                im.signature_tag(young, ".att"): C, im.signature_tag(multi, ".sbom"): B,
                im.signature_tag(young, ""): C, "of-a-signature": A}
    got = {tag: m.tags("signed").joinpath(tag).stat().st_mtime_ns for tag in expected}
    assert got == {tag: nanoseconds(date) for tag, date in expected.items()}
    for tag in ("subject-gone", im.signature_tag(gone)):  # nobody knows: never old
        assert m.tags("signed").joinpath(tag).stat().st_mtime >= m.before - 1


def test_a_subject_that_names_itself_in_a_circle_ends(fault, mount):
    """No digest can refer to itself, but tags of cosign's form can."""
    first = im.signature()
    fault.push("circle", im.signature_tag(first), first)
    assert mount(fault).tags("circle").joinpath(im.signature_tag(first)).stat().st_mtime > 1e9


def test_what_hangs_from_tags_has_the_newest_one_s_date(fault, mount):
    shared = im.image(A)
    newer = im.index([shared, im.image(C, platform="linux/arm64")])
    lone = im.image(B)
    fault.push_all("held", {"plain": shared, "multi": newer, "lone": lone})
    m = mount(fault)
    for path, date in {f"_manifests/{shared.digest}": C, f"_manifests/{newer.digest}": C,
                       f"_manifests/{lone.digest}": B, "_configs/lone": B, "_configs/multi": C}.items():
        assert (m / "held" / path).stat().st_mtime_ns == nanoseconds(date), path


@pytest.mark.parametrize("kind", ["manifest", "blob"])
@pytest.mark.parametrize("fault_of", [{"status": 500}, {"status": 404}, {"status": 403}, {"corrupt": True},
                                      {"cut": 10}, {"body": b"<html>", "type": "text/html"}])
def test_a_date_that_cannot_be_fetched_is_not_made_up(fault, mount, kind, fault_of):
    fault.push_all("lost", {"1": im.image(A), "2": im.index([im.image(A)])})
    m = mount(fault, "timeout=15")
    fault.rule(kind=kind, **fault_of)
    for tag in "12":
        with pytest.raises(OSError):
            m.tags("lost").joinpath(tag).stat()


def test_an_index_with_a_child_that_cannot_be_fetched(fault, mount):
    """The newest might be the one that is missing: no date can be given."""
    far = im.image(C, platform="linux/arm64")
    fault.push("lost", "multi", im.index([im.image(A), far]))
    fault.rule(kind="manifest", reference=far.digest, status=500)
    with pytest.raises(OSError):
        mount(fault, "timeout=15").tags("lost").joinpath("multi").stat()
