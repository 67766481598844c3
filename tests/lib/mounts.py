# SPDX-License-Identifier: MIT
"""Mounts by the program under test, and what must be true after each of them."""
import ctypes
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from lib.ports import wait_until

PR_SET_CHILD_SUBREAPER = 36
# Before a command: a name space of mounts, without those of the tests beside it. There they would live on after they
# have been unmounted, and their daemons with them.
PRIVATE = ["unshare", "-m", "sh", "-c", 'umount -alt fuse.regfs 2>/dev/null; exec "$@"', "sh"]
REPORT = re.compile(r"(ERROR|WARNING): (Address|Leak|Thread|Memory)Sanitizer|runtime error:")


def adopt_daemons():
    """Daemons become this process's children when their parent has left, so that their exit status can be had."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def program():
    top = Path(__file__).resolve().parent.parent.parent
    return Path(top, os.environ.get("REGFS_BUILD_DIR") or "build", "fs", "regfs")


def environment(folder, **more):
    """No credentials, proxies or settings of the person who runs the tests; sanitizers report into the folder."""
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    for name in ("REGFS_USER", "REGFS_PASSWORD", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
                 "DOCKER_AUTH_CONFIG"):
        env.pop(name, None)
    env.update(HOME=str(folder), DOCKER_CONFIG=str(folder / "no-docker"), LC_ALL="C.UTF-8", TZ="UTC",
               PATH=f"{program().parent}:/usr/sbin:/usr/bin:/sbin:/bin")
    report = f'log_path="{folder}/sanitizer"'  # the folder's name may hold a space
    env["ASAN_OPTIONS"] = f"{report}:exitcode=86:detect_leaks=1:handle_abort=1"
    env["UBSAN_OPTIONS"] = f"{report}:print_stacktrace=1:halt_on_error=1:exitcode=86"
    env["TSAN_OPTIONS"] = f"{report}:exitcode=86"
    env.update({k: str(v) for k, v in more.items()})
    return env


def mounted(path):
    """The fields of the mount's line in mountinfo, or None."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[4] == str(path).replace(" ", "\\040"):
            return fields
    return None


def parent_of(pid):
    """0 for a process that has gone meanwhile."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def descends_from_us(pid):
    while pid > 1 and pid != os.getpid():
        pid = parent_of(pid)
    return pid == os.getpid()


def our_processes():
    """(pid, words of its command line) of each. Others may test on the same machine: theirs are never touched."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and descends_from_us(int(entry.name)):
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue


def processes_with(argument):
    """The pids of our regfs processes that were given this argument."""
    return [pid for pid, words in our_processes()
            if os.fsencode(str(argument)) in words and b"regfs" in os.path.basename(words[0])]


def stuck():
    """Our processes in uninterruptible sleep inside FUSE: what a file system must never leave behind."""
    found = []
    for pid, words in our_processes():
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "D" and "fuse" in Path(f"/proc/{pid}/stack").read_text():
                found.append((pid, words))
        except OSError:
            continue
    return found


class MountFailed(Exception):
    def __init__(self, status, stderr):
        super().__init__(f"exit status {status}: {stderr}")
        self.status, self.stderr = status, stderr


class Mount:
    """`regfs SOURCE DIR -o ...`, in the background as people run it."""

    def __init__(self, source, folder, options=(), env=None, command=None, flags=()):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.dir = self.folder / "mnt"
        self.dir.mkdir(exist_ok=True)
        self.logfile = self.folder / "log"
        self.env = environment(self.folder, **(env or {}))
        self.options = [f"log={self.logfile}", *options]
        self.command = command or [str(program()), *flags, source, str(self.dir), "-o", ",".join(self.options)]
        self.pid = self.status = None
        self.before = time.time()
        done = subprocess.run(self.command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, cwd=self.folder)
        self.stderr = done.stderr
        if done.returncode != 0:
            raise MountFailed(done.returncode, done.stderr)
        self.after = time.time()
        names = {str(self.dir), self.command[-1]}  # as it was told: perhaps a relative one
        self.pid = wait_until(lambda: [p for n in names for p in processes_with(n)], 10, "a daemon serves")[0]

    def __truediv__(self, name):
        return self.dir / name

    def tags(self, repository):
        return self.dir / repository / "_tags"

    @property
    def log(self):
        return self.logfile.read_text(errors="replace") if self.logfile.exists() else ""

    def alive(self):
        return self.status is None and Path(f"/proc/{self.pid}").exists()

    def reap(self, seconds=30):
        """Waits for the daemon's end; its exit status, negative for a signal."""
        if self.status is None:
            def ended():
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                return (os.waitstatus_to_exitcode(status),) if pid else None
            self.status = wait_until(ended, seconds, f"the daemon {self.pid} ends")[0]
        return self.status

    def unmount(self):
        """As a user does it; lazily if that fails, but then it is an error all the same."""
        if not mounted(self.dir):
            return
        wait_until(lambda: not stuck(), 10, f"nobody is stuck in FUSE: {stuck()}")
        done = subprocess.run(["fusermount3", "-u", str(self.dir)], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            subprocess.run(["fusermount3", "-uz", str(self.dir)], capture_output=True, timeout=60)
            raise AssertionError("unmount: " + done.stderr)

    def reports(self):
        """What a sanitizer has to say, wherever it said it."""
        texts = [p.read_text(errors="replace") for p in self.folder.glob("sanitizer*")]
        return [t for t in texts + [self.stderr, self.log] if REPORT.search(t)]

    def close(self):
        """Unmounts and checks. Always leaves nothing mounted and nothing running."""
        try:
            self.unmount()
            status = self.reap()
        finally:
            subprocess.run(["fusermount3", "-uqz", str(self.dir)], capture_output=True)
            if self.status is None and self.pid:
                os.kill(self.pid, signal.SIGKILL)
                self.reap()
        assert not self.reports(), self.reports()[0]
        assert status == 0, f"the daemon ended with {status}; its log:\n{self.log[-3000:]}"
        assert not processes_with(self.dir), "a second process outlives the mount"
