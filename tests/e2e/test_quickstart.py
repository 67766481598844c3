# SPDX-License-Identifier: MIT
"""`sh examples/quickstart.sh` does what the README says, and `stop` leaves nothing."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lib import mounts, servers

TOP = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def clone(tmp_path):
    """The tree as a newcomer has it: what git knows, no build folder."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    folder = tmp_path / "regfs"
    for name in filter(None, names):
        if (TOP / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, folder / name)
    yield folder
    quickstart(folder, "stop")


def quickstart(folder, *arguments):
    logins = folder.parent / "auth.json"
    logins.write_text("{}")
    # Of somebody who needs a proxy and uses podman.
    env = {**os.environ, "http_proxy": "http://127.0.0.1:1", "REGISTRY_AUTH_FILE": str(logins),
           "REGISTRY": servers.Distribution2.program(), "LC_ALL": "C.UTF-8"}
    return subprocess.run(["sh", folder / "examples/quickstart.sh", *arguments], cwd=folder, env=env, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=600)


@pytest.mark.huge
def test_quickstart(clone):
    done = quickstart(clone)
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    for command in ("ls -l", "-mtime +30", "jq"):
        assert f"$ {command}" in shown or command in shown
    mounted = mounts.mounted(clone / "mnt")
    assert mounted and "fuse.regfs" in mounted
    old = subprocess.run(["find", clone / "mnt", "-path", "*/_tags/*", "-mtime", "+30"], check=True,
                         capture_output=True, text=True).stdout.splitlines()
    everything = list((clone / "mnt").glob("**/_tags/*"))
    assert 0 < len(old) < len(everything)
    assert all(line.replace(f"{clone}/", "") in shown for line in old)

    stopped = quickstart(clone, "stop")
    assert stopped.returncode == 0, stopped.stderr
    assert mounts.mounted(clone / "mnt") is None
    assert not (clone / "mnt").exists() and not (clone / ".quickstart").exists()
    assert not [words for _, words in mounts.our_processes() if any(os.fsencode(str(clone)) in w for w in words)]
