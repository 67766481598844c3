# SPDX-License-Identifier: MIT
"""Which storage, and which collector: what `run` is given, good and bad."""
import json
import shlex
import subprocess

import pytest

from lib.gc import DONE, PROBLEMS, REFUSED, USAGE
from lib.stores import BUILTIN, options, small
from lib.storage import Disk, Held, tree


def test_root_alone(gc, server, engine, tmp_path):
    garbage = small(server)
    server.stop()
    more = BUILTIN if engine == "builtin" else ["--registry", shlex.quote(server.program())]
    ended = gc("run", server.storage, *more)
    assert ended["freed"]["count"] == len(garbage)
    assert not list(tmp_path.glob("*.yml"))


def test_the_folder_inside(gc, server):
    """docker/registry/v2 is taken for what it is."""
    garbage = small(server)
    server.stop()
    assert gc.garbage(server.storage) == gc.garbage(server.storage / "docker" / "registry" / "v2") == garbage


def test_the_environment_overrides_the_configuration(gc, server, tmp_path):
    garbage = small(server)
    server.stop()
    path = server.folder / "config.yml"
    config = json.loads(path.read_text())
    config["storage"]["filesystem"]["rootdirectory"] = str(tmp_path / "nowhere")
    path.write_text(json.dumps(config))
    assert gc.garbage(server, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=str(server.storage)) == garbage


def test_a_collector_in_words(gc, server):
    """As `docker exec reg registry` is: a wrapper with arguments, without a shell, that has paths of its own."""
    garbage = small(server)
    server.stop()
    wrapper = server.folder / "my wrapper"
    wrapper.write_text(f"""#!/bin/sh
printf '%s\\n' "$@" >>"$(dirname "$0")/calls"
[ "$1 $2" = 'exec $HOME;x' ] || exit 9
shift 2
config={shlex.quote(str(server.folder))}/config.yml
for word; do
	shift
	[ "$word" != /in/the/container.yml ] || word=$config
	set -- "$@" "$word"
done
exec {shlex.quote(server.program())} "$@"
""")
    wrapper.chmod(0o755)
    ended = gc("run", server, "--registry", f"'{wrapper}' exec '$HOME;x'", "--registry-config", "/in/the/container.yml")
    assert ended["freed"]["count"] == len(garbage)
    assert "/in/the/container.yml" in (server.folder / "calls").read_text().splitlines()


@pytest.mark.parametrize("names", [["registry"], ["docker-registry"], ["docker-registry", "registry"]], ids=" ".join)
def test_which_collector(gc, server, names):
    """Unless one is named: as upstream calls it, then as Debian does."""
    garbage = small(server)
    server.stop()
    folder = server.folder / "programs"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(f"""#!/bin/sh
echo {name} >>"$0.called"
exec {shlex.quote(server.program())} "$@"
""")
        (folder / name).chmod(0o755)
    ended = gc("run", server.storage, PATH=f"{folder}:/usr/bin:/bin")
    assert ended["freed"]["count"] == len(garbage)
    assert [path.name for path in folder.glob("*.called")] == [f"{names[-1]}.called"]


@pytest.mark.parametrize("more", [[], ["--force"]], ids=["", "forced"])
def test_no_collector(gc, server2, more):
    """What is not there cannot be forced either."""
    small(server2)
    server2.stop()
    before = tree(server2.storage)
    ended = gc("run", server2, "--registry", "/no/such/registry", *more, status=REFUSED)
    assert "/no/such/registry" in ended["refused"][0]["reason"] and not ended["forced"]
    assert "going on" not in ended.err
    assert tree(server2.storage) == before


@pytest.mark.parametrize("script", ["exit 7", "kill -9 $$", "echo nonsense", "cat /dev/zero | tr '\\0' x | head -c 3000000"],
                         ids=["fails", "dies", "nonsense", "one long line"])
def test_a_collector_that_is_none(gc, server, script):
    """Whatever it says, nothing is run that was not compared, and nothing is believed."""
    small(server)
    server.stop()
    before = tree(server.storage)
    program = server.folder / "registry"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    ended = gc("run", server, "--registry", program, status=None)
    assert ended.status in (DONE, PROBLEMS, REFUSED)
    assert ended.status == REFUSED or script == "echo nonsense" or "tr" in script
    assert tree(server.storage) == before


def test_a_collector_that_does_more_than_it_said(gc, server):
    """Its dry run is harmless; the real one begins to take what is held. It is stopped there."""
    small(server)
    server.stop()
    disk = Disk(server.storage)
    held = Held(disk)
    victim, *others = sorted(held.blobs)
    program = server.folder / "registry"
    program.write_text(f"""#!/bin/sh
[ "$1" != --version ] || exec {shlex.quote(server.program())} --version
case "$*" in *dry-run*|*" -d "*) exec {shlex.quote(server.program())} "$@";; esac
echo; echo '1 blobs marked, 2 blobs and 0 manifests eligible for deletion'
echo 'blob eligible for deletion: {victim}'
sleep 60
rm -r {shlex.quote(str(disk.v2))}/blobs
""")
    program.chmod(0o755)
    ended = gc("run", server, "--registry", program, status=None)
    assert ended.status in (PROBLEMS, REFUSED)
    assert victim in {r.get("digest") for r in ended["refused"]} or victim in ended.err
    assert set(disk.blobs()) >= held.blobs


def test_another_storage_driver(gc, server, engine, tmp_path):
    server.stop()
    path = server.folder / "config.yml"
    path.write_text(json.dumps({"version": 0.1, "storage": {"inmemory": {}}, "http": {"addr": "127.0.0.1:1"}}))
    for command in ("check", "plan", "blobs"):
        assert "inmemory" in gc.text(command, server, status=USAGE).err
    # The registry's own collector can, but nobody can say beforehand what it would destroy.
    assert "inmemory" in gc.text("run", server, *options(engine), status=USAGE if engine == "builtin" else REFUSED).err


@pytest.mark.parametrize("collector", ["/no/such/registry", "/bin/false"])
def test_another_storage_driver_without_a_collector(gc, server2, collector):
    """What could not be asked is refused in JSON as well, forced or not."""
    server2.stop()
    (server2.folder / "config.yml").write_text(json.dumps({"version": 0.1, "storage": {"inmemory": {}}}))
    for more in ([], ["--force"]):
        ended = gc("run", server2, "--registry", collector, *more, status=REFUSED)
        assert len(ended["refused"]) == 1 and "refused: " in ended.err


@pytest.mark.parametrize("words", [
    [], ["nonsense"], ["check", "--nonsense"], ["run", "--engine=other"], ["plan", "--grace=soon"], ["plan", "--grace=-1"],
    ["run", "--grace=24h"], ["check", "extra"]], ids=" ".join)
def test_usage(gc, tmp_path, words):
    (tmp_path / "empty").mkdir()
    words = gc.words(words[0] if words else "", tmp_path / "empty", *words[1:]) if words else gc.words("", "/")[:1]
    done = subprocess.run(words, capture_output=True, text=True, env=gc.environment)
    assert done.returncode == USAGE and done.stderr.startswith("regfs-gc: ") or "usage" in done.stderr.lower()


def test_config_that_is_no_yaml(gc, server):
    server.stop()
    (server.folder / "config.yml").write_text("storage: [\n")
    for command in ("check", "plan", "run"):
        assert "config.yml" in gc.text(command, server, status=USAGE).err
