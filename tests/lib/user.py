# SPDX-License-Identifier: MIT
"""An ordinary user, with FUSE as most machines have it: a fusermount3 that is setuid root, a /dev/fuse for everybody.

Whatever this machine has, it is so in a name space of mounts of our own, and there alone: nothing outside is changed.
What the user needs is below /mnt there; pytest's own folders are closed to others.
"""
import os
import shutil
import subprocess
from pathlib import Path

from lib import mounts

NOBODY, OTHER = 65534, 1  # fusermount3 wants a user with a name
HOME, CONF, DEVICE, FUSERMOUNT = "/mnt/home", "/etc/fuse.conf", "/dev/fuse", "/mnt/fusermount3"
SETUP = f"""
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir -m 700 {HOME} /mnt/other /mnt/closed
mkdir /mnt/fs /mnt/client
chown {NOBODY} {HOME}
chown {OTHER} /mnt/other
mount --bind "$1/fs" /mnt/fs
mount --bind "$1/client" /mnt/client
cp "$2" {FUSERMOUNT}
chmod 4755 {FUSERMOUNT}
mount --bind {FUSERMOUNT} "$2"
mknod -m 666 /mnt/fuse c "$3" "$4"
mount --bind /mnt/fuse {DEVICE}
touch /mnt/fuse.conf
mount --bind /mnt/fuse.conf {CONF}
echo ready
exec cat
"""


class User:
    def __init__(self):
        device = os.stat(DEVICE).st_rdev
        arguments = [mounts.program().parent.parent, os.path.realpath(shutil.which("fusermount3")),
                     os.major(device), os.minor(device)]
        self.keeper = subprocess.Popen([*mounts.PRIVATE, "sh", "-ec", SETUP, "sh", *map(str, arguments)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == "ready\n"
        self.mounted = {}  # directory: daemon
        self.env = mounts.environment(Path(HOME), PATH="/mnt/fs:/mnt/client:/usr/sbin:/usr/bin:/sbin:/bin")
        self.env.pop("DOCKER_CONFIG")

    def inside(self, path):
        """Where a path of the name space is to be found from here."""
        return Path(f"/proc/{self.keeper.pid}/root{path}")

    def root(self, *words, check=True):
        """A command as root in there."""
        done = subprocess.run(["nsenter", "-t", str(self.keeper.pid), "-m", *map(str, words)], env=self.env,
                              capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, done.stderr
        return done

    def __call__(self, script, *arguments, uid=NOBODY, check=True, **env):
        """A shell script as the user, in the user's home. A variable that is None is not set."""
        environment = {k: v for k, v in {**self.env, **env}.items() if v is not None}
        home = HOME if uid == NOBODY else "/mnt/other"
        become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        done = subprocess.run(["nsenter", "-t", str(self.keeper.pid), "-m", *become, "sh", "-c",
                               f"cd {home}; " + script, "sh", *map(str, arguments)], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    def mount(self, source, *options, folder=f"{HOME}/m", uid=NOBODY, limit="", **env):
        """Mounts; what regfs said. The folder is made."""
        words = ",".join(["log=" + folder + ".log", *options])
        done = self(f'mkdir -p "$2"; {limit} regfs "$1" "$2" -o "$3"', getattr(source, "url", source), folder, words,
                    uid=uid, check=False, **env)
        assert done.returncode == 0, done.stderr
        self.mounted[folder] = (mounts.processes_with(folder)[0], uid)
        return done.stderr

    def ended(self, folder):
        """Waits for the daemon's end; its exit status."""
        pid, _ = self.mounted.pop(folder)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def unmount(self, folder=f"{HOME}/m"):
        self('fusermount3 -u "$1"', folder, uid=self.mounted[folder][1])
        assert self.ended(folder) == 0

    def close(self):
        for folder, (pid, _) in self.mounted.items():
            self.root("umount", "-l", folder, check=False)
            os.waitpid(pid, 0)
        self.keeper.stdin.close()
        self.keeper.stdout.close()
        self.keeper.wait()
