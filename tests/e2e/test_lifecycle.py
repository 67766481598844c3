# SPDX-License-Identifier: MIT
"""From the command line to a mount and orderly back: options, signals, stale mount points, mount(8)."""
import os
import signal
import subprocess
import time

import pytest

from lib import images as im
from lib import mounts
from lib.ports import wait_until
from lib.shell import days_ago, errno_of, lines, read, run, start


@pytest.fixture
def one(fault):
    fault.push("a", "v1", im.image(days_ago(3)))
    return fault


def tags(mounted):
    return sorted(os.listdir(mounted.tags("a")))


def test_mount_walk_and_unmount(one, mount):
    m = mount(one)
    fields = mounts.mounted(m.dir)
    assert "fuse.regfs" in fields and {"nosuid", "nodev"} <= set(fields[5].split(","))
    lines("find", m.dir, "-mtime", "-30", "-printf", "%p %s %t\n")
    m.close()
    assert mounts.mounted(m.dir) is None and not m.alive()


def test_sigterm_unmounts(one, mount):
    m = mount(one)
    lines("ls", "-l", m.tags("a"))
    os.kill(m.pid, signal.SIGTERM)
    assert m.reap() == 0
    assert mounts.mounted(m.dir) is None


def test_sigterm_on_a_busy_mount(one, mount):
    """Somebody works inside: the mount goes all the same, and nothing hangs."""
    m = mount(one)
    inside = subprocess.Popen(["sleep", "300"], cwd=m.tags("a"))
    try:
        os.kill(m.pid, signal.SIGTERM)
        assert m.reap() == 0
        assert mounts.mounted(m.dir) is None
    finally:
        inside.kill()
        inside.wait()


def test_sighup_forgets_what_was_listed(one, mount):
    m = mount(one, "ttl=3600")
    assert tags(m) == ["v1"]
    one.push("a", "v2", im.image(days_ago(2)))
    one.push("b", "v1", im.image(days_ago(2)))
    newer = im.image(days_ago(1))
    one.push("a", "v1", newer)
    assert tags(m) == ["v1"]
    os.kill(m.pid, signal.SIGHUP)
    wait_until(lambda: tags(m) == ["v1", "v2"], 20, "the new tag is listed")
    wait_until(lambda: read(m.tags("a") / "v1") == newer.data, 20, "the moved tag is read anew")
    wait_until(lambda: sorted(os.listdir(m.dir)) == ["a", "b"], 20, "the new repository is listed")


def test_ttl(one, mount):
    m = mount(one, "ttl=1")
    assert tags(m) == ["v1"]
    one.push("a", "v2", im.image(days_ago(2)))
    newer = im.image(days_ago(1))
    one.push("a", "v1", newer)
    wait_until(lambda: tags(m) == ["v1", "v2"], 20, "the new tag is listed")
    wait_until(lambda: read(m.tags("a") / "v1") == newer.data, 20, "the moved tag is read anew")
    one.untag("a", "v2")
    wait_until(lambda: tags(m) == ["v1"], 20, "the tag that went is listed no more")
    wait_until(lambda: errno_of(os.stat, m.tags("a") / "v2") == "ENOENT", 20, "it cannot be entered")


def test_within_the_ttl_nothing_is_asked_again(one, mount):
    m = mount(one, "ttl=3600")
    lines("ls", "-l", m.tags("a"))
    one.reset()
    for _ in range(3):
        lines("ls", "-l", m.tags("a"))
        read(m.tags("a") / "v1")
    assert one.requests() == []


def test_a_stale_mount_point_is_recovered(one, mount):
    m = mount(one)
    assert tags(m) == ["v1"]
    os.kill(m.pid, signal.SIGKILL)
    assert m.reap() == -signal.SIGKILL
    assert errno_of(os.listdir, m.dir) == "ENOTCONN"
    again = mounts.Mount(one.url, m.folder)
    try:
        assert tags(again) == ["v1"]
        assert sum(str(m.dir) in line for line in open("/proc/self/mountinfo")) == 1
    finally:
        again.close()
        m.status = 0  # it was killed on purpose


def test_two_mounts_at_once(one, mount):
    first, second = mount(one), mount(one.url + "/a")
    assert tags(first) == ["v1"] and os.listdir(second / "_tags") == ["v1"]
    first.close()
    assert os.listdir(second / "_tags") == ["v1"]


def test_foreground(one, regfs, tmp_path):
    folder = tmp_path / "mnt"
    folder.mkdir()
    env = mounts.environment(tmp_path)
    process = subprocess.Popen([regfs, "-f", one.url, folder], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: mounts.mounted(folder), 30, "mounted")
        assert os.listdir(folder) == ["a"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert mounts.mounted(folder) is None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        subprocess.run(["fusermount3", "-uqz", str(folder)], capture_output=True)


def test_debug_tells_requests_but_no_secret(one, regfs, tmp_path):
    one.access("basic", user="joe", password="s3cr3t-word")
    folder = tmp_path / "mnt"
    folder.mkdir()
    env = mounts.environment(tmp_path, REGFS_USER="joe", REGFS_PASSWORD="s3cr3t-word")
    process = subprocess.Popen([regfs, "-d", one.url, folder], env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    try:
        wait_until(lambda: mounts.mounted(folder), 30, "mounted")
        lines("ls", "-l", folder / "a/_tags")
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        subprocess.run(["fusermount3", "-uqz", str(folder)], capture_output=True)
    assert "manifests/v1" in told
    assert "s3cr3t-word" not in told and "am9lOnMzY3IzdC13b3Jk" not in told


FSTAB_OPTIONS = ["rw", "ro", "dev", "nodev", "suid", "nosuid", "exec", "noexec", "sync", "async", "atime", "noatime",
                 "relatime", "auto", "noauto", "user", "nouser", "_netdev", "nofail", "defaults",
                 "x-systemd.automount", "x-systemd.idle-timeout=10min", "x-gvfs-hide", "comment=hello"]


@pytest.mark.parametrize("option", FSTAB_OPTIONS)
def test_options_of_every_mount_are_accepted(one, mount, option):
    m = mount(one, option)
    assert {"nosuid", "nodev"} <= set(mounts.mounted(m.dir)[5].split(","))


def test_mount_8(one, regfs, tmp_path):
    """`mount -t fuse.regfs`, as an fstab line does it. It looks for the program in folders of its own choice, so in a
    name space of mounts of our own one of those is the build's."""
    if os.geteuid() != 0:
        pytest.skip("mount(8) needs root")
    folder = tmp_path / "mnt"
    folder.mkdir()
    script = ("set -e; mount --bind \"$1\" /usr/local/bin; "
              "mount -t fuse.regfs \"$2\" \"$3\" -o _netdev,nofail,ttl=5,x-systemd.automount; "
              "ls \"$3/a/_tags\"; findmnt -no FSTYPE,OPTIONS \"$3\"; umount \"$3\"")
    done = subprocess.run([*mounts.PRIVATE, "sh", "-c", script, "sh", regfs.parent, one.url, folder], timeout=60,
                          capture_output=True, text=True, env=mounts.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    tag, kind = done.stdout.splitlines()
    assert tag == "v1" and kind.startswith("fuse.regfs ")
    assert {"nosuid", "nodev"} <= set(kind.split()[1].split(","))
    wait_until(lambda: not mounts.processes_with(folder), 20, "the daemon has left")
    assert not list(tmp_path.glob("sanitizer*"))


def test_a_mount_point_with_spaces(one, regfs, tmp_path):
    m = mounts.Mount(one.url, tmp_path / "a b")
    try:
        assert tags(m) == ["v1"]
    finally:
        m.close()


def test_a_relative_mount_point(one, regfs, tmp_path):
    """The daemon changes its folder; the name means what it meant to the caller."""
    m = mounts.Mount(one.url, tmp_path, command=[str(regfs), one.url, "mnt"])
    try:
        assert tags(m) == ["v1"]
    finally:
        m.close()


def test_a_scheme_is_not_needed_on_loopback(one, mount):
    assert tags(mount(one.host)) == ["v1"]
    assert tags(mount(one.host.replace("127.0.0.1", "localhost"))) == ["v1"]


def test_the_daemon_keeps_nothing_of_its_caller(one, mount):
    """A script that captures the output of regfs would otherwise wait until the unmount."""
    m = mount(one)  # it captures all output: so it would wait here
    if os.geteuid() != 0:
        return  # a process that holds passwords is not shown to others of its user
    assert os.readlink(f"/proc/{m.pid}/cwd") == "/"
    assert all(os.readlink(f"/proc/{m.pid}/fd/{n}") == "/dev/null" for n in (0, 1))
    assert "pipe" not in os.readlink(f"/proc/{m.pid}/fd/2")


def test_help_and_version(regfs):
    for option in ("-h", "--help"):
        done = run(regfs, option)
        assert "SOURCE" in done and "ttl=" in done and max(map(len, done.splitlines())) <= 80
    assert run(regfs, "-V") == run(regfs, "--version")
    assert any(c.isdigit() for c in run(regfs, "-V"))


def test_statfs(one, mount):
    m = mount(one)
    assert os.statvfs(m.dir).f_namemax >= 255
    assert "regfs" in run("df", "-T", m.dir)
    one.reset()
    os.statvfs(m.tags("a"))
    assert one.requests(kind="manifest") == []


def test_allow_other(one, mount):
    if os.geteuid() != 0:
        pytest.skip("allow_other needs root, or user_allow_other in fuse.conf")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c")
    private, public = mount(one), mount(one, "allow_other")
    for m, expected in ((private, False), (public, True)):
        # By a file descriptor, since pytest's own folders are closed to others.
        fd = os.open(m.dir, os.O_RDONLY)
        try:
            done = subprocess.run([*nobody, f"cd /proc/self/fd/{fd} && ls a/_tags"], pass_fds=[fd], capture_output=True)
        finally:
            os.close(fd)
        assert (done.returncode == 0) == expected, done.stderr


def test_many_readers_and_an_unmount_leave_nothing(fault, mount):
    """Walks from many processes while tags move, then gone: for the sanitizers as much as for the assertions."""
    fault.push_all("a", {f"t{i}": im.image(days_ago(i)) for i in range(100)})
    m = mount(fault, "ttl=1")
    walkers = [start("find", m.dir, "-type", "f", "-newermt", "2000-01-01", "-links", "1") for _ in range(6)]
    for i in range(5):
        fault.push("a", f"t{i}", im.image(days_ago(1)))
        os.kill(m.pid, signal.SIGHUP)
        time.sleep(0.1)
    for walker in walkers:
        out, errors = walker.communicate(timeout=120)
        assert walker.returncode == 0, errors
