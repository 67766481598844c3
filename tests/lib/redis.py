# SPDX-License-Identifier: MIT
"""A redis, where a registry keeps what it knows of its blobs: it outlives the registry."""
import subprocess

from lib.ports import free_port, listens, wait_until

PROGRAM = "/usr/bin/redis-check-rdb"  # of the package without a service; redis-server by the name it is called by


class Redis:
    def __init__(self, folder):
        folder.mkdir()
        for _ in range(5):
            self.port = free_port()
            with open(folder / "out", "ab") as out:
                self.process = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir",
                                                 folder, "--save", ""], executable=PROGRAM, stdout=out, stderr=out)
            wait_until(lambda: self.process.poll() is not None or listens(self.port), 30, "it listens or ends")
            if self.process.poll() is None:
                break
        else:
            raise AssertionError((folder / "out").read_text())
        self.addr = f"127.0.0.1:{self.port}"

    def count(self):
        """How many keys it holds."""
        return int(subprocess.run(["redis-cli", "-p", str(self.port), "dbsize"], check=True, capture_output=True,
                                  text=True).stdout.split()[-1])

    def stop(self):
        self.process.terminate()
        self.process.wait()
