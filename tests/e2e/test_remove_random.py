# SPDX-License-Identifier: MIT
"""Repositories made by chance, emptied name by name in an order by chance: after each rm exactly that is left which
lib/model.py says. A seed that fails is a test that can be run again."""
import os
import random

import pytest

from lib import images as im
from lib import journal as journals
from lib.model import Repository, family
from lib.removing import listed
from lib.shell import days_ago, errno_of

pytestmark = pytest.mark.thorough

LIKES = ("distribution-2", "distribution-3", "zot", "gcr")
SEEDS = [*range(4), *(pytest.param(seed, marks=pytest.mark.huge) for seed in range(4, 12))]


def make(rng, native):
    """Images, indexes of them and of each other, many names for few digests, signatures and artifacts of all."""
    docker = rng.random() < 0.3
    pool = [im.image(days_ago(60 + i), docker=docker) for i in range(6)]
    for _ in range(rng.randrange(2, 6)):
        pool.append(im.index(rng.sample(pool, rng.randrange(1, 4)), docker=docker))
    tags = {f"t{i}": rng.choice(pool) for i in range(rng.randrange(4, 10))}
    there = list({d: i for image in tags.values() for d, i in family(image).items()}.values())
    shared, loose = im.signature(), []
    for subject in rng.sample(there, min(len(there), 4)):
        suffix = rng.choice((".sig", ".att", ".sbom"))
        tags[im.signature_tag(subject, suffix)] = shared if rng.random() < 0.3 else im.signature()
    for subject in rng.sample(there, min(len(there), 2)):
        artifacts = [im.artifact(subject=subject) for _ in range(rng.randrange(1, 3))]
        loose += artifacts
        if not native:
            tags[im.signature_tag(subject, "")] = im.index(artifacts)
        if rng.random() < 0.3:
            tags[f"a{len(tags)}"] = artifacts[0]
    return Repository(tags, loose)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("like", LIKES)
def test_name_by_name(fault, remover, journal, like, seed):
    rng = random.Random(seed)
    native = like == "zot"
    fault.settings(like=like, referrers=native)
    left = make(rng, native)
    fault.push_all("a", left.pushes())
    m = remover(fault)
    order = [tag for tag in left.tags if not (tag.startswith("sha256-") and "." not in tag)]  # lists of referrers aside
    rng.shuffle(order)
    went = []
    for tag in order:
        if tag not in left.tags:
            continue  # it went along with another
        went.append(tag)
        assert errno_of(os.unlink, m.tags("a") / tag) == "", went
        left = left.without([tag])
        shown = fault.show("a")
        assert shown["tags"] == {t: i.digest for t, i in left.tags.items()}, went
        assert set(shown["manifests"]) == set(left.manifests()), went
        assert {t for t in listed(m, "a")} == set(left.tags) or not left.tags, went
    assert len(journals.finished(journal)) == len(went)
    assert {r.outcome for r in journals.read(journal)} == {"removed"}
