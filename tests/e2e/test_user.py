# SPDX-License-Identifier: MIT
"""An ordinary user, as most who mount are: fusermount3 mounts, and not all files may be read."""
import os
import signal

import pytest

from lib import images as im
from lib.fault import FaultRegistry
from lib.ports import wait_until
from lib.servers import Distribution2
from lib.shell import days_ago, run
from lib.user import CONF, DEVICE, FUSERMOUNT, HOME, OTHER, User

M = f"{HOME}/m"
SECRET = "f1sh-and-chips"


@pytest.fixture
def user():
    if os.geteuid() != 0 or run("unshare", "-m", "true", check=False).returncode:
        pytest.skip("to become another user needs root")
    one = User()
    yield one
    one.close()


@pytest.fixture
def one(fault):
    fault.push_all("a", {f"t{i}": im.image(days_ago(10 * i)) for i in range(6)})
    return fault


# ---- mounting ----

def test_a_user_mounts(user, registry2, place):
    registry2.push_all(place, {f"t{i}": im.image(days_ago(20 * i)) for i in range(3)})
    assert user.mount(registry2) == ""
    assert user(f"stat -c '%u %g %a' m m/{place}/_tags/t1").stdout == "65534 65534 555\n65534 65534 444\n"
    assert user(f"find m/{place}/_tags -mtime +30").stdout == f"m/{place}/_tags/t2\n"
    assert "Read-only file system" in user(f"rm m/{place}/_tags/t2", check=False).stderr
    assert "Permission denied" in user.root("ls", M, check=False).stderr
    user.unmount()


def test_kill_unmounts(user, one):
    user.mount(one)
    user('kill "$1"', user.mounted[M][0])
    assert user.ended(M) == 0
    assert user("ls -A m; grep -c regfs /proc/self/mounts", check=False).stdout == "0\n"


def test_two_users(user, one):
    user.root("chmod", "755", HOME)
    user.mount(one)
    user.mount(one, folder="/mnt/other/m", uid=OTHER)
    assert user("ls -ld m/a | cut -d ' ' -f 3; ls /mnt/other/m", uid=OTHER).stdout.split() == ["daemon", "a"]
    refused = user('ls "$1"; fusermount3 -u "$1"; cat /proc/"$2"/environ', M, user.mounted[M][0], uid=OTHER, check=False)
    assert refused.stdout == "" and refused.stderr.count("Permission denied") == 2
    assert user("ls m").stdout == "a\n"
    user.unmount()
    user.unmount("/mnt/other/m")


def test_what_a_regfs_that_died_left(user, one):
    user.mount(one)
    os.kill(user.mounted[M][0], signal.SIGKILL)
    assert user.ended(M) == -signal.SIGKILL
    assert "not connected" in user("ls m", check=False).stderr
    user.mount(one)
    assert user("ls m").stdout == "a\n"
    user.unmount()


def test_without_home_or_path(user, one):
    user.mount(one, f"log={HOME}/log", HOME=None, PATH="/mnt/fs:/usr/bin:/bin")
    user.unmount()
    report = user('exec env -i /mnt/fs/regfs doctor --read-only "$1"', one.url).stdout
    assert "none is wanted" in report


# ---- one line says why, and how to mend it ----

REFUSALS = [
    ("somebody else's", "/usr/share", "true", "no write access to mountpoint /usr/share (choose a directory of your own)"),
    ("where nobody may go", "/mnt/closed", "true", "Permission denied: /mnt/closed"),
    ("no program", M, f"chmod 644 {FUSERMOUNT}", "failed to exec fusermount3: Permission denied (install it: package fuse3)"),
    ("not setuid", M, f"chmod 755 {FUSERMOUNT}", "Operation not permitted (fusermount3 must be setuid root"),
    ("no right to the device", M, f"chmod 600 {DEVICE}", "/dev/fuse: Permission denied (every user must be able"),
    ("no device", M, "mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3", "device not found"),
]


@pytest.mark.parametrize("folder, spoil, words", [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
def test_why_it_cannot_be_mounted(user, one, folder, spoil, words):
    user("mkdir m")
    user.root("sh", "-c", spoil)
    done = user('regfs "$1" "$2"', one.url, folder, check=False)
    assert done.returncode == 1 and done.stderr.startswith("regfs: cannot mount: fuse")
    assert words in done.stderr and done.stderr.count("\n") == 1


def test_a_mount_upon_a_mount(user, one):
    user.mount(one)
    done = user('regfs "$1" m', one.url, check=False)
    assert done.returncode == 1 and "is something mounted there already?" in done.stderr
    assert user("ls m").stdout == "a\n"
    user.unmount()


def test_a_user_without_a_name(user, one):
    user.root("sh", "-c", "mkdir /mnt/other/m && chown -R 54321 /mnt/other")
    done = user('regfs "$1" m', one.url, uid=54321, check=False)
    assert done.returncode == 1 and "this user id needs a line in /etc/passwd" in done.stderr


# ---- others ----

def test_allow_other_must_be_allowed(user, one):
    done = user('mkdir m; regfs "$1" m -o allow_other', one.url, check=False)
    assert done.returncode == 1 and "'user_allow_other' is set in /etc/fuse.conf" in done.stderr


def test_others_look_and_remove_nothing(user, one):
    user.root("chmod", "755", HOME)
    user.inside(CONF).write_text("user_allow_other\n")
    user.mount(one, "allow_other,allow_delete")
    assert user(f"ls {M}/a/_tags", uid=OTHER).stdout.split() == [f"t{i}" for i in range(6)]
    assert "Permission denied" in user(f"rm -f {M}/a/_tags/t5", uid=OTHER, check=False).stderr
    user.root("rm", f"{M}/a/_tags/t5")
    user("rm m/a/_tags/t4")
    removed = [line.split() for line in user("regfs-undelete --list").stdout.splitlines()[1:]]
    assert [(line[2], line[5], line[6].partition("(")[0]) for line in removed] == [("a:t5", "root", "rm"),
                                                                                ("a:t4", "nobody", "rm")]
    user.unmount()


def test_who_removed_it_where_processes_are_hidden(user, one):
    """As many machines for several users have it: of a process of another, regfs knows the user alone."""
    user.inside(CONF).write_text("user_allow_other\n")
    user.root("mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc")
    user.mount(one, "allow_other,allow_delete")
    user.root("rm", f"{M}/a/_tags/t5")
    user("rm m/a/_tags/t4")
    listed = user("regfs-undelete --list").stdout.splitlines()
    assert " root (" in listed[1] and " nobody rm(" in listed[2]
    user.unmount()


# ---- the journal ----

def test_the_journal_of_a_user(user, registry2, place):
    registry2.push_all(place, {"old": im.image(days_ago(50)), "new": im.image(days_ago(1))})
    user.mount(registry2, "allow_delete")
    user("umask 000; find m/$1 -mtime +30 -delete", place)
    user.unmount()
    modes = user("find .local -printf '%m %u\\n' | sort -u").stdout
    assert modes == "600 nobody\n700 nobody\n"
    user.root("chmod", "755", HOME)
    refused = user(f"regfs-undelete --list --journal {HOME}/.local/state/regfs", uid=OTHER, check=False)
    assert refused.returncode != 0 and "Permission denied" in refused.stderr
    assert "put back: 1;" in user('regfs-undelete "$1:old"', place).stdout


@pytest.mark.parametrize("env, words", [
    ({"XDG_STATE_HOME": f"{HOME}/state"}, ""),
    ({"XDG_STATE_HOME": "state"}, ""),
    ({"HOME": None}, "say where with -o journal=DIR"),
    ({"HOME": "home"}, "say where with -o journal=DIR"),
    ({"HOME": "/nonexistent"}, "choose a folder where you may write (journal=DIR)"),
    ({"XDG_STATE_HOME": "/mnt/closed"}, "choose a folder where you may write (journal=DIR)"),
])
def test_where_the_journal_is(user, one, env, words):
    if words:
        done = user('mkdir m; regfs "$1" m -o allow_delete', one.url, check=False, **env)
        assert done.returncode == 1 and words in done.stderr
        return
    user.mount(one, "allow_delete", **env)
    user("rm m/a/_tags/t5", **env)
    absolute = env["XDG_STATE_HOME"].startswith("/")
    assert user("ls -d state .local", check=False).stdout == ("state\n" if absolute else ".local\n")
    assert " a:t5 " in user("regfs-undelete --list", **env).stdout
    user.unmount()


# ---- files of others ----

@pytest.mark.parametrize("options", ["user=ann,password_file={}", "authfile={}", "netrc={}", "cacert={}", "repos_from={}",
                                     "allow_delete,protect_from={}", "log={}"])
def test_a_file_of_somebody_else(user, one, options):
    user.inside("/mnt/secret").write_text(SECRET)
    user.root("chmod", "600", "/mnt/secret")
    done = user('mkdir m; regfs "$1" m -o "$2"', one.url, options.format("/mnt/secret"), check=False)
    assert done.returncode == 1 and SECRET not in done.stderr
    assert "/mnt/secret" in done.stderr and "Permission denied" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("env, path", [
    ({"HOME": "/mnt/closed"}, "/mnt/closed/.docker/config.json"),
    ({"XDG_RUNTIME_DIR": "/mnt/closed"}, "/mnt/closed/containers/auth.json"),
    ({"DOCKER_CONFIG": "/mnt/closed"}, "/mnt/closed/config.json"),
])
def test_the_environment_of_somebody_else(user, one, env, path):
    """As su and sudo -E leave it: what is public is public, and who is refused is told what could not be read."""
    user.mount(one, **env)
    assert user("ls m").stdout == "a\n" and path + ": Permission denied" in user("cat m.log").stdout
    user.unmount()
    one.access("basic", user="ann", password=SECRET)
    done = user('regfs "$1" m', one.url, check=False, **env)
    assert done.returncode == 1 and "wants a user name and a password, and " + path in done.stderr


def test_a_login_and_an_authority(user, certificate):
    """What of a program that cannot be traced is in /proc belongs to root: the certificates are read from there."""
    server = FaultRegistry(tls=certificate)
    try:
        server.push("a", "v1", im.image(days_ago(3)))
        server.access("basic", user="ann", password=SECRET)
        user.root("cp", certificate[0], "/mnt/ca.pem")
        user('echo "$1" >pw; chmod 600 pw', SECRET)
        user.mount(server, "cacert=/mnt/ca.pem,user=ann,password_file=pw")
        assert user("ls m/a/_tags").stdout == "v1\n"
        user.unmount()
    finally:
        server.stop()


# ---- few files ----

def test_few_open_files(user, fault):
    fault.push_all("a", {f"t{i}": im.image(days_ago(i)) for i in range(100)})
    user.mount(fault, "connections=64", limit="ulimit -n 64;")
    assert len(user("find m/a -type f -mtime +49").stdout.split()) == 150
    assert "at most 6 transfers at a time, instead of 64" in user("cat m.log").stdout
    user.unmount()


def test_a_limit_that_can_be_raised_is(user, one):
    user.mount(one, "connections=1024", limit="ulimit -S -n 64;")
    assert "transfers at a time" not in user("cat m.log").stdout
    user.unmount()


def test_no_file_is_left(user, one):
    """It is no fault of the registry's, which is asked again at once."""
    one.push("b", "v1", im.image(days_ago(3)))
    user.mount(one)
    assert user("ls m").stdout == "a\nb\n"
    limit = "prlimit --pid $1 --nofile=$2:"
    hold = one.rule(kind="tags", repository="a", hold="request")
    user("{ ls m/a/_tags; echo ended; } >first 2>&1 &")  # has the one connection that there is
    one.wait_for(1, kind="tags")
    user(limit, user.mounted[M][0], 1)
    for _ in range(5):
        assert "Too many open files" in user("ls m/b/_tags", check=False).stderr
    user(limit, user.mounted[M][0], 1024)
    assert user("ls m/b/_tags").stdout == "v1\n"
    one.forget(hold)
    one.release()
    wait_until(lambda: user("cat first").stdout.endswith("ended\n"), 30, "nobody keeps the mount busy")
    user.unmount()


# ---- a storage ----

def test_a_storage_that_may_not_be_read(user, own_server):
    """It is said once, and nobody is told to push again what is there."""
    server, place = own_server(Distribution2), "team/app"  # alone: other tests leave their own damage
    server.push(place, "v1", im.image(days_ago(3)))
    user.root("mkdir", "/mnt/storage")
    user.root("mount", "--bind", server.storage, "/mnt/storage")
    folder = server.storage / "docker/registry/v2/repositories" / place
    for closed in ("_layers", "_manifests/revisions"):
        os.chmod(folder / closed, 0o700)
        told = user("regfs-gc check --root /mnt/storage", check=False).stdout
        mine = [line for line in told.splitlines() if place in line or "v1: " in line]
        assert len([line for line in mine if "become root or the registry's user" in line]) == 1, told
        assert "push the image again" not in told
        os.chmod(folder / closed, 0o755)
