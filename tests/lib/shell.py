# SPDX-License-Identifier: MIT
"""The commands people use, run as they run them."""
import errno
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

CI = os.environ.get("CI") == "true"  # a test that cannot run is a failure there
ENV = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def run(*command, seconds=300, check=True):
    """The standard output of a command that is expected to end well."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=seconds, env=ENV,
                          errors="surrogateescape")
    if check:
        assert done.returncode == 0, f"{command}: {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout if check else done


def lines(*command, **more):
    return run(*command, **more).splitlines()


def start(*command):
    """A command in the background, in a process group of its own."""
    return subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=ENV, start_new_session=True)


LONG = "timeout=300"  # of a mount: what ends before it has ended by something else, however slow the machine is


def interrupt(process, number=signal.SIGINT):
    """Sends the signal, and waits for the process to end by it: less long than by LONG."""
    process.send_signal(number)
    process.communicate(timeout=60)


def end(process):
    """For a finally: no process of a test outlives it."""
    if process.poll() is None:
        process.kill()
    process.communicate()


def errno_of(call, *arguments):
    """The name of the errno that a call fails with; "" if it succeeds."""
    try:
        call(*arguments)
    except OSError as error:
        return "EOPNOTSUPP" if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno]  # ENOTSUP's twin
    return ""


def read(path):
    return Path(path).read_bytes()


def nanoseconds(text):
    """A date as registries write it (RFC 3339, up to nine digits) in nanoseconds since 1970."""
    date, zone = (text[:-1], "+00:00") if text.endswith("Z") else (text[:-6], text[-6:])
    whole, _, fraction = date.partition(".")
    seconds = int(datetime.fromisoformat(whole + zone).timestamp())
    return seconds * 10**9 + int((fraction or "0").ljust(9, "0")[:9])


def days_ago(days):
    """A date for an image, so many days old."""
    return datetime.fromtimestamp(time.time() - days * 86400, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def stat_in_child(path):
    """A process that does nothing but stat: it can hang and be interrupted."""
    return start(sys.executable, "-c", f"import os; os.stat({str(path)!r})")
