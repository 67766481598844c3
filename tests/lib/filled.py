# SPDX-License-Identifier: MIT
"""A registry with a repository of which three quarters are old, for tests of what stands before it."""
from lib import images as im
from lib.shell import days_ago, lines

TAGS = 100


def fill(server):
    server.push_all("a", {f"t{i:03}": im.image(days_ago(60 if i % 4 else 1)) for i in range(TAGS)})
    return server


def old(mounted):
    return lines("find", mounted.tags("a"), "-type", "f", "-mtime", "+30")
