# SPDX-License-Identifier: MIT
"""What a mount wrote down before it removed anything: read as a stranger would, by the format's description alone."""
import json
from dataclasses import dataclass, field
from pathlib import Path

from lib import images as im
from lib.ports import wait_until


@dataclass
class Removal:
    """The line before, with the manifests' bytes, and the line after, if there is one."""
    before: dict
    after: dict = None
    manifests: dict = field(default_factory=dict)  # digest -> bytes

    @property
    def outcome(self):
        return self.after and self.after["outcome"]

    @property
    def tag(self):
        return self.before.get("tag")

    @property
    def tags(self):
        """Every tag that this removal may take along."""
        return {tag for m in self.before["manifests"] for tag in m.get("tags", [])} | ({self.tag} - {None})


def read(folder):
    """All removals, in the order in which they began. Every line must be whole, and every manifest what it says."""
    found = []
    for log in sorted(Path(folder).glob("*/removals.jsonl")):
        text = log.read_text()
        assert text == "" or text.endswith("\n"), f"{log}: the last line is torn"
        run = {}
        for line in map(json.loads, text.splitlines()):
            if "outcome" in line:
                assert run[line["id"]].after is None, f"{log}: {line['id']} ends twice"
                run[line["id"]].after = line
                continue
            assert line["id"] not in run, f"{log}: {line['id']} begins twice"
            run[line["id"]] = Removal(line)
            for manifest in line["manifests"]:
                data = (log.parent / manifest["digest"]).read_bytes()
                assert im.digest_of(data) == manifest["digest"]
                run[line["id"]].manifests[manifest["digest"]] = data
        found += run.values()
    return found


def finished(folder):
    """The same once every removal has its second line: whoever removed is not kept waiting for that one."""
    wait_until(lambda: all(r.outcome for r in read(folder)), 20, "each removal's end is written down")
    return read(folder)


def manifests(folder):
    """Every manifest that the journal could put back: {digest: bytes}."""
    return {digest: data for removal in read(folder) for digest, data in removal.manifests.items()}


def removed_tags(folder):
    """Tags of removals that went, or may have gone."""
    return {(r.before["repository"], tag) for r in read(folder) if r.outcome != "kept" for tag in r.tags}
