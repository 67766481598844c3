# SPDX-License-Identifier: MIT
"""An index in use by a digest that has no name keeps what it lists; a directory that is open while it changes."""
import os

from lib import images as im
from lib.ports import wait_until
from lib.removing import listed
from lib.shell import days_ago, errno_of, run


def old(days=60, **more):
    return im.image(days_ago(days), **more)


def runs_without_a_tag(server, tmp_path):
    """An index in use whose tag has moved on; a child of it has a name, another has none."""
    child, other = old(), old()
    runs = im.index([child, other])
    server.push_all("a", [("amd64", child), ("v1", old()), (None, other), (None, runs)])
    names = tmp_path / "in-use"
    names.write_text(f"reg.example/a@{runs.digest}\n")
    return runs, child, other, f"protect_from={names}"


def test_the_name_of_a_child_goes_alone(fault, remover, api, tmp_path):
    runs, child, _, protect = runs_without_a_tag(fault, tmp_path)
    m = remover(fault, protect)
    run("rm", m / "a/_tags/amd64")
    assert listed(m, "a") == {"v1"}
    api(fault).whole("a", runs.digest)
    assert api(fault).has("a", child.digest)


def test_the_name_of_a_child_stays_where_names_do_not_go_alone(fault, remover, api, tmp_path):
    runs, _, _, protect = runs_without_a_tag(fault, tmp_path)
    m = remover(fault, protect, "shared=refuse")
    assert errno_of(os.unlink, m / "a/_tags/amd64") == "EBUSY"
    assert listed(m, "a") == {"amd64", "v1"}
    api(fault).whole("a", runs.digest)


def test_shared_all_does_not_break_it(fault, remover, api, tmp_path):
    runs, _, _, protect = runs_without_a_tag(fault, tmp_path)
    m = remover(fault, protect, "shared=all")
    run("rm", m / "a/_tags/amd64")
    api(fault).whole("a", runs.digest)


def test_a_child_without_a_name_stays(fault, remover, api, tmp_path):
    runs, _, other, protect = runs_without_a_tag(fault, tmp_path)
    m = remover(fault, protect)
    assert errno_of(os.unlink, m / "a/_manifests" / other.digest) == "EPERM"
    api(fault).whole("a", runs.digest)


def test_rmdir_without_a_catalog(fault, remover):
    """Nobody has looked into it: whether it has tags is asked, and what has some is still there afterwards."""
    fault.settings(catalog=False)
    fault.push_all("app", {"v1": old()})
    m = remover(fault)
    assert errno_of(os.listdir, m.dir)
    assert errno_of(os.rmdir, m / "app") == "ENOTEMPTY"
    assert listed(m, "app") == {"v1"}
    os.rmdir(m / "nothing")


def test_rmdir_of_a_space_that_may_not_be_looked_at(fault, remover):
    fault.settings(catalog=False)
    fault.rule(kind="tags", repository="space", status=403)
    m = remover(fault)
    assert errno_of(os.listdir, m.dir)
    os.rmdir(m / "space")


# ---- a directory that is open ----

def test_a_directory_that_is_rewound(fault, mount):
    """POSIX: rewinddir() shows it as it is then; reading on shows it as it was."""
    fault.push("a", "v1", im.image(days_ago(2)))
    m = mount(fault, "ttl=0")
    fd = os.open(m.tags("a"), os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert os.listdir(fd) == ["v1"]  # which rewinds it before it reads
        fault.push("a", "v2", im.image(days_ago(1)))
        wait_until(lambda: sorted(os.listdir(fd)) == ["v1", "v2"], 10, "both are listed")
    finally:
        os.close(fd)


def test_what_is_rewound_is_read_to_its_end(fault, mount):
    """A list that takes many answers to the kernel, and is another one the second time."""
    image = im.image(days_ago(2))
    fault.push_all("a", {f"t{i:04}": image for i in range(3000)})
    m = mount(fault, "ttl=0")
    with os.scandir(m.tags("a")) as some:
        next(some)
    fd = os.open(m.tags("a"), os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert len(os.listdir(fd)) == 3000
        fault.push_all("a", {f"u{i:04}": image for i in range(500)})
        both = [f"t{i:04}" for i in range(3000)] + [f"u{i:04}" for i in range(500)]
        wait_until(lambda: sorted(os.listdir(fd)) == both, 10, "all are listed")
    finally:
        os.close(fd)
