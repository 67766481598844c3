# SPDX-License-Identifier: MIT
"""The commands by which people remove, from GNU and from busybox, and what must not work."""
import os
import shutil

import pytest

from lib import images as im
from lib import journal as journals
from lib.mounts import MountFailed
from lib.ports import wait_until
from lib.removing import changes, delete_older, listed
from lib.shell import CI, days_ago, errno_of, lines, run

BUSYBOX = shutil.which("busybox")


def busybox(applet):
    if not BUSYBOX:
        (pytest.fail if CI else pytest.skip)("busybox is not installed; tests/run.sh installs it")
    return [BUSYBOX, applet]


def tree():
    """{repository: {tag: image}}: nested, with shared digests and an index."""
    one, index = im.image(days_ago(60)), im.index([im.image(days_ago(60)), im.image(days_ago(60))])
    return {
        "shop/web": {"v1": one, "v1.0": one, "v2": im.image(days_ago(60)), "multi": index, "new": im.image(days_ago(2))},
        "shop/web/admin": {"v1": one, "new": im.image(days_ago(2))},
        "shop/db": {"v1": im.image(days_ago(60)), im.signature_tag(one): im.signature()},
        "solo": {"v1": im.image(days_ago(60)), "new": im.image(days_ago(2))},
    }


@pytest.fixture
def filled(erasable, place, api):
    """A name space with a few repositories, in a server that is shared with other tests."""
    class Filled:
        server, space, api = erasable, place, None
        content = {f"{place}/{name}": tags for name, tags in tree().items()}

        def tags(self):
            """{repository without the name space: its tags}; those without any are left out."""
            found = {name.removeprefix(f"{place}/"): set(self.api.tags(name)) for name in self.content}
            return {name: tags for name, tags in found.items() if tags}

        def whole(self):
            for name in self.content:
                for tag in self.api.tags(name):
                    self.api.whole(name, tag)
    made = Filled()
    made.api = api(erasable)
    for name, tags in made.content.items():
        erasable.push_all(name, tags)
    return made


NEW = {"shop/web": {"new"}, "shop/web/admin": {"new"}, "solo": {"new"}}


@pytest.fixture
def space(filled, remover):
    return remover(filled.server) / filled.space


def left(filled, space):
    """What is left, for the registry and for the mount alike."""
    found = filled.tags()
    filled.whole()
    shown = lines("find", space, "-path", "*/_tags/*", "-printf", "%P\n")
    assert sorted(shown) == sorted(f"{name}/_tags/{tag}" for name, tags in found.items() for tag in tags)
    return found


OLD = ["-path", "*/_tags/*", "-mtime", "+30"]


def without_signatures(found):
    """shop/db's signature is of an image that this repository does not have: it is undated, and stays."""
    stripped = {name: {t for t in tags if not t.startswith("sha256-")} for name, tags in found.items()}
    return {name: tags for name, tags in stripped.items() if tags}


def test_find_delete(filled, space):
    assert delete_older(space) == (0, "")
    assert without_signatures(left(filled, space)) == NEW


def test_find_exec_rm(filled, space):
    run("find", space, *OLD, "-exec", "rm", "{}", "+")
    assert without_signatures(left(filled, space)) == NEW


def test_find_exec_rm_one_by_one(filled, space):
    run("find", space, *OLD, "-exec", "rm", "{}", ";")
    assert without_signatures(left(filled, space)) == NEW


def test_xargs(filled, space):
    run("sh", "-c", 'find "$@" -print0 | xargs -0 -n 1 -P 8 rm', "sh", space, *OLD)
    assert without_signatures(left(filled, space)) == NEW


def busybox_delete():
    """busybox's -delete, where it is compiled in; else what it would do, by another command."""
    told = run(*busybox("find"), "--help", check=False)
    return ["-delete"] if "-delete" in told.stdout + told.stderr else ["-exec", *busybox("rm"), "{}", ";"]


def test_busybox_find_delete(filled, space):
    done = run(*busybox("find"), space, *OLD, *busybox_delete(), check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert without_signatures(left(filled, space)) == NEW


def test_busybox_find_delete_everything_that_is_old(filled, space):
    """busybox removes what it has looked at before it goes on, and comes to the other views too."""
    done = run(*busybox("find"), space, "-depth", "-mtime", "+30", *busybox_delete(), check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert without_signatures(left(filled, space)) == NEW


@pytest.mark.thorough
def test_a_directory_that_is_read_while_it_is_emptied(fault, remover):
    """busybox and others remove an entry as soon as they have read it, and read on: they miss none."""
    fault.push_all("a", {f"t{i:04}": im.image(days_ago(60)) for i in range(2000)})
    m = remover(fault)
    with os.scandir(m.tags("a")) as entries:
        removed = sum(not os.unlink(entry.path) for entry in entries)
    assert removed == 2000 and fault.show("a")["tags"] == {}


def test_busybox_find_exec_rm(filled, space):
    run(*busybox("find"), space, *OLD, "-exec", *busybox("rm"), "{}", "+")
    assert without_signatures(left(filled, space)) == NEW


def test_rm_of_names_by_a_shell(filled, space):
    run("sh", "-c", 'cd "$1" && rm shop/web/_tags/v*', "sh", space)
    assert left(filled, space)["shop/web"] == {"multi", "new"}


def test_python(filled, space):
    (space / "solo/_tags/v1").unlink()
    os.remove(space / "shop/web/_tags/v2")
    assert left(filled, space)["solo"] == {"new"} and "v2" not in left(filled, space)["shop/web"]


# rm -r

RM_R = [["rm", "-r"], ["rm", "-rf"], ["busybox", "rm", "-r"], ["busybox", "rm", "-rf"]]


@pytest.fixture(params=RM_R, ids=" ".join)
def rm_r(request):
    return (busybox("rm") if request.param[0] == "busybox" else ["rm"]) + request.param[-1:]


def test_rm_r_of_a_repository(filled, space, rm_r):
    run(*rm_r, space / "solo")
    assert "solo" not in os.listdir(space)
    assert errno_of(os.stat, space / "solo") == "ENOENT"
    assert set(left(filled, space)) == {"shop/web", "shop/web/admin", "shop/db"}
    assert filled.api.has(f"{filled.space}/solo", filled.content[f"{filled.space}/solo"]["v1"].digest) is False


def test_rm_r_of_a_repository_with_one_below(filled, space, rm_r):
    """rm -r means all that is below: the nested one goes as well."""
    run(*rm_r, space / "shop/web")
    assert os.listdir(space / "shop") == ["db"]
    assert errno_of(os.stat, space / "shop/web") == "ENOENT"
    assert set(left(filled, space)) == {"shop/db", "solo"}


def test_rm_r_of_the_repository_below(filled, space, rm_r):
    run(*rm_r, space / "shop/web/admin")
    assert "admin" not in os.listdir(space / "shop/web")
    assert set(left(filled, space)) == {"shop/web", "shop/db", "solo"}


def test_rm_r_of_a_name_space(filled, space, rm_r):
    run(*rm_r, space / "shop")
    assert os.listdir(space) == ["solo"]
    assert errno_of(os.stat, space / "shop") == "ENOENT"
    assert set(left(filled, space)) == {"solo"}


def test_rm_r_of_everything(filled, space, rm_r):
    run(*rm_r, space)
    assert filled.tags() == {}
    assert errno_of(os.stat, space) == "ENOENT"


def test_rm_r_of_the_tags_alone(filled, space, rm_r):
    """The repository has no tags then, and is not listed any more; that _tags itself goes is no error."""
    run(*rm_r, space / "solo/_tags", check=False)
    assert "solo" not in left(filled, space)
    assert "solo" not in os.listdir(space)


def test_a_repository_that_is_pushed_to_again(filled, remover):
    space = remover(filled.server, "ttl=1") / filled.space
    run("rm", "-r", space / "solo")
    again = im.image(days_ago(1))
    filled.server.push(f"{filled.space}/solo", "again", again)
    wait_until(lambda: "solo" in os.listdir(space), 20, "it is there again")
    assert (space / "solo/_tags/again").read_bytes() == again.data


def test_rmdir_of_what_is_not_empty(filled, space):
    assert errno_of(os.rmdir, space / "solo") == "ENOTEMPTY"
    assert errno_of(os.rmdir, space / "shop") == "ENOTEMPTY"
    assert left(filled, space)["solo"] == {"v1", "new"}


# What is seen afterwards

def vanished(path):
    """For a program that has nothing to do with the one that removed it."""
    return run("stat", path, check=False).stderr.count("No such file or directory") == 1


def test_siblings_vanish_at_once(filled, remover):
    """shared=all: the kernel knows the other names by heart, and must forget them."""
    m = remover(filled.server, "shared=all", "ttl=3600")
    tags = m.tags(f"{filled.space}/shop/web")
    run("find", tags, "-mtime", "+30")
    before = lines("ls", "-l", tags)
    run("rm", tags / "v1")
    assert vanished(tags / "v1.0")
    assert set(lines("ls", tags)) == {"v2", "multi", "new"}
    assert len(lines("ls", "-l", tags)) == len(before) - 2
    assert vanished(m / filled.space / "shop/web/_configs/v1.0")


def test_the_number_of_links(filled, space):
    tags = space / "shop/web/_tags"
    lines("ls", "-l", tags)
    assert (tags / "v1").stat().st_nlink == 2
    run("rm", tags / "v1.0")
    assert (tags / "v1").stat().st_nlink == 1


def test_the_other_views_follow(filled, space):
    lines("find", space, "-ls")
    image = filled.content[f"{filled.space}/shop/web"]["v2"]
    assert image.digest in os.listdir(space / "shop/web/_manifests")
    run("rm", space / "shop/web/_tags/v2")
    assert "v2" not in os.listdir(space / "shop/web/_configs")
    assert image.digest not in os.listdir(space / "shop/web/_manifests")
    assert vanished(space / "shop/web/_manifests" / image.digest)


def test_a_file_that_is_open(filled, space):
    """As with any file: who has it open reads on."""
    image = filled.content[f"{filled.space}/solo"]["v1"]
    with open(space / "solo/_tags/v1", "rb") as file:
        run("rm", space / "solo/_tags/v1")
        assert file.read() == image.data


def test_it_is_gone_already(filled, space):
    tags = space / "solo/_tags"
    lines("ls", "-l", tags)
    filled.api.delete(f"{filled.space}/solo", filled.content[f"{filled.space}/solo"]["v1"].digest)
    assert errno_of(os.unlink, tags / "v1") == "ENOENT"
    assert left(filled, space)["solo"] == {"new"}


# What a mount does not do

@pytest.fixture
def one(fault):
    fault.push_all("a/b", {"v1": im.image(days_ago(60)), "v2": im.image(days_ago(60))})
    return fault


def test_without_allow_delete(one, mount):
    m = mount(one)
    lines("ls", "-lR", m.dir)
    for call, name in ((os.unlink, "a/b/_tags/v1"), (os.rmdir, "a/b"), (os.unlink, "a/b/_configs/v1")):
        assert errno_of(call, m / name) == "EROFS"
    done = run("rm", "-rf", m / "a", check=False)
    assert done.returncode == 1 and "Read-only file system" in done.stderr
    assert changes(one) == []
    assert set(os.listdir(m.tags("a/b"))) == {"v1", "v2"}


def test_rw_alone_does_not_allow_it(one, mount):
    """mount(8) always says rw."""
    assert errno_of(os.unlink, mount(one, "rw") / "a/b/_tags/v1") == "EROFS"


WRITES = {
    "create": lambda d: os.open(d / "a/b/_tags/v3", os.O_CREAT | os.O_WRONLY),
    "create-beside": lambda d: os.open(d / "a/b/x", os.O_CREAT | os.O_WRONLY),
    "write": lambda d: os.open(d / "a/b/_tags/v1", os.O_WRONLY),
    "truncate": lambda d: os.truncate(d / "a/b/_tags/v1", 0),
    "mkdir": lambda d: os.mkdir(d / "a/new"),
    "mkdir-in-tags": lambda d: os.mkdir(d / "a/b/_tags/new"),
    "rename": lambda d: os.rename(d / "a/b/_tags/v1", d / "a/b/_tags/v3"),
    "rename-over": lambda d: os.rename(d / "a/b/_tags/v1", d / "a/b/_tags/v2"),
    "rename-directory": lambda d: os.rename(d / "a/b", d / "a/c"),
    "link": lambda d: os.link(d / "a/b/_tags/v1", d / "a/b/_tags/v3"),
    "symlink": lambda d: os.symlink("v1", d / "a/b/_tags/v3"),
    "mknod": lambda d: os.mkfifo(d / "a/b/_tags/v3"),
    "chmod": lambda d: os.chmod(d / "a/b/_tags/v1", 0o600),
    "chown": lambda d: os.chown(d / "a/b/_tags/v1", 1, 1),
    "touch": lambda d: os.utime(d / "a/b/_tags/v1"),
    "setxattr": lambda d: os.setxattr(d / "a/b/_tags/v1", "user.x", b"1"),
}


@pytest.mark.parametrize("write", WRITES)
def test_writing_is_refused(one, remover, write):
    m = remover(one)
    lines("ls", "-lR", m.dir)
    before = {t: (m.tags("a/b") / t).read_bytes() for t in ("v1", "v2")}
    error = errno_of(WRITES[write], m.dir)
    assert error == "EPERM" or (write == "setxattr" and error == "EOPNOTSUPP")
    assert changes(one) == []
    assert {t: (m.tags("a/b") / t).read_bytes() for t in os.listdir(m.tags("a/b"))} == before


def test_the_mount_point_stays(one, remover):
    m = remover(one)
    run("rm", "-rf", m.dir, check=False)
    assert m.alive() and os.listdir(m.dir) == []


def test_views_and_directories_are_no_files(one, remover):
    m = remover(one)
    lines("ls", "-lR", m.dir)
    for name in ("a", "a/b", "a/b/_tags"):
        assert errno_of(os.unlink, m / name) in ("EISDIR", "EPERM")
    assert errno_of(os.rmdir, m / "a/b/_tags/v1") == "ENOTDIR"
    assert errno_of(os.unlink, m / "a/b/_tags/none") == "ENOENT"
    assert errno_of(os.rmdir, m / "a/none") == "ENOENT"
    assert changes(one) == []


# dry_run

def test_dry_run(one, remover, api, journal):
    shared = im.image(days_ago(70))
    images = [im.image(days_ago(60)) for _ in range(2)]
    one.push_all("a/b", {"s1": shared, "s2": shared, "multi": im.index(images), "new": im.image(days_ago(1))})
    before = api(one).state(["a/b"])
    m = remover(one, "dry_run")
    assert delete_older(m.dir) == (0, "")
    assert changes(one) == []
    assert listed(m, "a/b") == {"new"}
    assert errno_of(os.stat, m.tags("a/b") / "v1") == "ENOENT"
    assert api(one).state(["a/b"]) == before
    for tag in ("v1", "v2", "s1", "s2", "multi"):
        assert f"a/b:{tag}" in m.log
    assert "and 2 that hung from it" in m.log
    assert not journals.removed_tags(journal) and journals.read(journal) == []


def test_dry_run_refuses_what_would_be_refused(one, remover):
    m = remover(one, "dry_run", "protect=*:v1")
    assert delete_older(m.dir)[0] == 1
    assert listed(m, "a/b") == {"v1"}
    assert changes(one) == []


def test_dry_run_of_rm_r(one, remover, api):
    m = remover(one, "dry_run")
    run("rm", "-r", m / "a")
    assert os.listdir(m.dir) == []
    assert set(api(one).tags("a/b")) == {"v1", "v2"} and changes(one) == []


def test_dry_run_and_the_real_one_decide_alike(filled, remover):
    dry = remover(filled.server, "dry_run")
    assert delete_older(dry / filled.space) == (0, "")
    shown = {name: listed(dry, f"{filled.space}/{name}") for name in tree()}
    real = remover(filled.server)
    assert delete_older(real / filled.space) == (0, "")
    assert {name: listed(real, f"{filled.space}/{name}") for name in tree()} == shown


def test_a_journal_that_cannot_be_written(one, mount, tmp_path):
    """The mount says so at once, and how to mend it: later it would be too late."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no folder")
    with pytest.raises(MountFailed) as failed:
        mount(one, "allow_delete", f"journal={blocked}")
    assert str(blocked) in failed.value.stderr and failed.value.status == 1
