# SPDX-License-Identifier: MIT
"""The recipes of examples/prune, each over real registries; what is gone and what is left says their own API."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from lib import images as im
from lib import mounts
from lib.ports import wait_until
from lib.removing import survives
from lib.shell import days_ago, end

pytestmark = pytest.mark.thorough

PRUNE = Path(__file__).resolve().parent.parent.parent / "examples" / "prune"
RECIPES = sorted(path.name for path in PRUNE.glob("*.sh"))
BRANCH = "org.example.branch"


def image(days, **more):
    return im.image(days_ago(days), **more)


def platforms(days):
    return im.index([image(days, platform=p) for p in ("linux/amd64", "linux/arm64")])


def stock():
    """{repository: {tag: image}}: versions, aliases, signatures, branches, and an image without a date."""
    first, newest = image(400), platforms(20)
    web = {"1.0.0": first, "1.1.0": image(200), "v1.2.0": image(90, docker=True), "1.3": image(60), "1.3.9": image(50),
           "1.4.0": platforms(40), "1.10.0": newest, "1.10.1-rc1": image(10), "latest": newest, "main": image(2),
           im.signature_tag(first): im.signature(), im.signature_tag(newest): im.signature()}
    tools = {"pr-17": image(45, labels={BRANCH: "feature/x y"}), "pr-18": image(46, labels={BRANCH: "feature/x"}),
             "pr-19": image(5, labels={BRANCH: "feature/x y"}), "1.0.0": image(100), "undated": im.image()}
    return {"shop/web": web, "shop/web/admin": {"0.1": image(36), "0.2": image(3)}, "team/tools": tools}


class Site:
    """A registry with that stock below a name of its own, and what recipes find in their PATH."""

    def __init__(self, server, api, place, folder):
        self.server, self.api, self.place, self.folder = server, api, place, folder
        self.source = f"{server.url}/{place}"
        self.journal = folder / "journal"
        self.stock = stock()
        for name, tags in self.stock.items():
            server.push_all(f"{place}/{name}", tags)
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.env = mounts.environment(folder)
        self.env["PATH"] = f"{self.bin}:{self.env['PATH']}"
        build = mounts.program().parent.parent
        # What everybody's programs write to the user's folders, these write to the test's.
        self.program("regfs", f'exec {build}/fs/regfs "$@" -o "journal={self.journal},log={folder}/recipe.log"')
        self.program("regfs-undelete", f'exec {build}/client/regfs-undelete --journal {self.journal} "$@"')

    def program(self, name, script):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, recipe, *arguments, answer="", shell=("sh",)):
        done = subprocess.run([*shell, PRUNE / recipe, *map(str, arguments)], env=self.env, input=answer, text=True,
                              capture_output=True, timeout=300, cwd=self.folder)
        return done

    def removes(self, recipe, *arguments, gone, **more):
        """Runs a recipe that ends well, and is quiet; what goes is {repository: tags}, all else stays whole."""
        done = self.run(recipe, *arguments, **more)
        assert (done.returncode, done.stderr) == (0, ""), done
        self.has_lost(gone)
        return done.stdout

    def has_lost(self, gone):
        assert set(gone) <= set(self.stock)
        for name, tags in self.stock.items():
            lost = set(gone.get(name, ()))
            assert lost <= set(tags)
            left = {tag: i for tag, i in tags.items() if tag not in lost}
            assert set(self.api.tags(f"{self.place}/{name}")) == set(left), name
            survives(self.api, f"{self.place}/{name}", left)

    def signature(self, tag):
        return im.signature_tag(self.stock["shop/web"][tag])


@pytest.fixture(params=["distribution-2", "distribution-3"])
def site(request, running, api, place, tmp_path):
    server = running(request.param)
    yield Site(server, api(server), place, tmp_path)
    wait_until(lambda: not mounts.processes_with(f"journal={tmp_path}/journal,log={tmp_path}/recipe.log"), 20,
               "no mount is left")
    assert not list(tmp_path.glob("sanitizer*"))


@pytest.fixture
def shop(site, mount, tmp_path):
    """shop(*OPTIONS): the site, mounted; a folder with an odd name leads there."""
    def start(*options):
        m = mount(site.source, "allow_delete", f"journal={site.journal}", *options)
        odd = tmp_path / "it's -a $HOME `x`"
        odd.symlink_to(m.dir)
        return odd
    return start


OLD_WEB = {"1.0.0", "1.1.0", "v1.2.0", "1.3", "1.3.9", "1.4.0"}


def test_older_than(site, shop):
    shown = site.removes("older-than.sh", shop(), 30, gone={
        "shop/web": OLD_WEB | {site.signature("1.0.0")}, "shop/web/admin": {"0.1"},
        "team/tools": {"pr-17", "pr-18", "1.0.0"}})
    assert "./shop/web/_tags/1.0.0\n" in shown and "latest" not in shown and "_manifests" not in shown


def test_what_is_protected_is_not_tried(site, shop):
    """Exit status 0 and not a word about it, also as root, who may write to everything."""
    site.removes("older-than.sh", shop("protect=*:1.*", "protect=*/team/*:*"), 30, gone={
        "shop/web": {"v1.2.0"}, "shop/web/admin": {"0.1"}})


def test_a_folder_of_the_mount(site, shop):
    site.removes("older-than.sh", shop() / "shop/web/admin", 30, gone={"shop/web/admin": {"0.1"}})


def test_keep_newest(site, shop):
    site.removes("keep-newest.sh", shop(), 4, gone={
        "shop/web": OLD_WEB | {site.signature("1.0.0")}, "team/tools": {"1.0.0"}})


def test_keep_newest_counts_what_is_protected(site, shop):
    site.removes("keep-newest.sh", shop("protect=*/team/tools:undated", "protect=*/shop/web:1.*"), 1, gone={
        "shop/web": {"v1.2.0", "latest"}, "shop/web/admin": {"0.1"}, "team/tools": {"pr-17", "pr-18", "pr-19", "1.0.0"}})


def test_keep_newest_is_the_same_as_keep(site, shop):
    site.removes("older-than.sh", shop("keep=2"), 30, gone={
        "shop/web": OLD_WEB | {site.signature("1.0.0")}, "team/tools": {"pr-17", "pr-18", "1.0.0"}})


def test_keep_newest_leaves_alone_what_it_cannot_date(fault, mount, journal, tmp_path):
    """Which are the newest is not known if one has no date to tell; the next repository is seen to."""
    for name in ("a", "b"):
        fault.push_all(name, {"1": image(30), "2": image(20), "3": image(10)})
    fault.rule(kind="manifest", repository="a", reference="3", status=500)
    m = mount(fault, "allow_delete", f"journal={journal}", "timeout=15")
    done = subprocess.run(["sh", PRUNE / "keep-newest.sh", m.dir, "2"], capture_output=True, text=True)
    assert done.returncode == 1 and "_tags/3" in done.stderr, done
    assert set(fault.show("a")["tags"]) == {"1", "2", "3"}
    assert set(fault.show("b")["tags"]) == {"2", "3"}


def test_keep_releases(site, shop):
    site.removes("keep-releases.sh", shop("protect=*:latest"), gone={
        "shop/web": {"1.3", "1.10.1-rc1", "main"}, "shop/web/admin": {"0.1", "0.2"},
        "team/tools": {"pr-17", "pr-18", "pr-19", "undated"}})


@pytest.mark.parametrize("version, gone", [
    ("1.4", {"1.0.0", "1.1.0", "v1.2.0", "1.3", "1.3.9"}),
    ("v1.2.0", {"1.0.0", "1.1.0"}),
    ("1.10.1", {"1.0.0", "1.1.0", "v1.2.0", "1.3", "1.3.9", "1.4.0", "1.10.0"}),
    ("1.0.0", set()),
])
def test_below_version(site, shop, version, gone):
    if "1.0.0" in gone:
        gone = gone | {site.signature("1.0.0")}
    site.removes("below-version.sh", shop("protect=*/shop/web/admin:*", "protect=*/team/*:*"), version,
                 gone={"shop/web": gone})


def test_below_what_is_no_version(site, shop):
    done = site.run("below-version.sh", shop(), "latest")
    assert done.returncode == 2 and "below-version.sh DIRECTORY VERSION" in done.stderr
    site.has_lost({})


def test_by_label(site, shop):
    site.removes("by-label.sh", shop("xattr"), BRANCH, "feature/x y", gone={"team/tools": {"pr-17", "pr-19"}})


def test_by_label_without_attributes(site, shop):
    done = site.run("by-label.sh", shop(), BRANCH, "")
    assert done.returncode == 1 and "not supported" in done.stderr
    site.has_lost({})


def test_by_pattern(site, shop):
    site.removes("by-pattern.sh", shop(), "^team/.*:(pr|feature)-", ":pr-(18|20)$",
                 gone={"team/tools": {"pr-17", "pr-19"}})


def test_by_pattern_without_exceptions(site, shop):
    site.removes("by-pattern.sh", shop(), "^shop/.*:0\\.", gone={"shop/web/admin": {"0.1", "0.2"}})


@pytest.mark.parametrize("words", [["("], ["^team/", "("]])
def test_a_pattern_that_is_none(site, shop, words):
    done = site.run("by-pattern.sh", shop(), *words)
    assert "(" in done.stderr
    site.has_lost({})


# What a cluster tells: a tag, a digest of a platform, a job that runs at night alone.
USED = """\
    127.0.0.1:1/{place}/shop/web:1.0.0 other.example/nothing:1  mirror.example/{place}/team/tools@{pull} \
docker-pullable://reg.example/{place}/shop/web@{child}"""


def cluster(site, text, status=0):
    (site.folder / "told").write_text(text)
    site.program("kubectl", f"""
case "$*" in
"config current-context") echo here ;;
"--context here get pods,"*cronjobs*" -A -o jsonpath="*imageID*) cat {site.folder}/told; exit {status} ;;
*) echo "kubectl $*" >&2; exit 1 ;;
esac""")


def test_unused(site):
    web, tools = site.stock["shop/web"], site.stock["team/tools"]
    cluster(site, USED.format(place=site.place, pull=tools["pr-17"].digest, child=web["1.4.0"].children[1].digest))
    site.removes("unused.sh", site.source, 30, gone={
        "shop/web": OLD_WEB - {"1.0.0", "1.4.0"}, "shop/web/admin": {"0.1"}, "team/tools": {"pr-18", "1.0.0"}})


@pytest.mark.parametrize("text, status, words", [
    ("", 0, "names no image"), ("  \n", 0, "names no image"), ("a:1 <none>:<none>", 0, "line 1: '<none>"),
    ("a:1 b:2", 1, ""),
])
def test_a_cluster_that_does_not_tell(site, text, status, words):
    """Then everything would seem to be unused."""
    cluster(site, text, status)
    done = site.run("unused.sh", site.source, 30)
    assert done.returncode == 1 and words in done.stderr and done.stdout == "", done
    site.has_lost({})


def test_unused_in_a_cluster_that_is_not_there(site):
    cluster(site, "a:1")
    assert site.run("unused.sh", site.source, 30, "there").returncode == 1
    site.has_lost({})


# Somebody who always wants the lines that match: as fzf prints them, and as whiptail and dialog do.
PICKERS = {
    "fzf": 'grep -E "$WANTED"',
    "whiptail": """
[ "$1 $2 $4" = "--separate-output --title --checklist" ] || exit 9
shift 8
while [ $# -gt 0 ]; do
  printf '%s %s\\n' "$1" "$2" | grep -Eq "$WANTED" && [ "$3" = off ] && printf '%s\\n' "$1" >&2
  shift 3
done
:""",
}


@pytest.mark.parametrize("program", PICKERS)
def test_pick(site, shop, program):
    wanted = "WANTED='^(shop/web|team/tools)( |$)|^(shop/web:(1.3|main)|team/tools:.*) [0-9-]{10}$'"
    site.program(program, f"{wanted}\n{PICKERS[program]}")
    odd = shop("protect=*:1.0.0")
    refused = site.run("pick.sh", odd, answer="n\n")
    assert refused.returncode == 1 and "Remove these?" in refused.stderr
    site.has_lost({})
    done = site.run("pick.sh", odd, answer="y\n")
    assert done.returncode == 0, done
    # What is protected was not offered.
    assert set(done.stdout.split()) == {"shop/web:1.3", "shop/web:main"} | {
        f"team/tools:{tag}" for tag in ("pr-17", "pr-18", "pr-19", "undated")}
    site.has_lost({"shop/web": {"1.3", "main"}, "team/tools": {"pr-17", "pr-18", "pr-19", "undated"}})


def test_pick_nothing(site, shop):
    site.program("fzf", "cat >/dev/null; exit 130")
    assert site.run("pick.sh", shop()).returncode != 0
    site.has_lost({})


REHEARSAL = ("keep=2", "find", ".", "-path", "*/_tags/*", "-mtime", "+30", "-perm", "-u=w", "-delete")


def test_rehearse(site):
    old = {"shop/web": OLD_WEB | {site.signature("1.0.0")}, "team/tools": {"pr-17", "pr-18", "1.0.0"}}
    told = "".join(f"./{name}/_tags/{tag}\n" for name, tags in sorted(old.items()) for tag in sorted(tags))
    first = site.run("rehearse.sh", site.source, *REHEARSAL, answer="n\n")
    assert first.returncode == 1 and first.stdout == "This would go:\n" + told, first
    site.has_lost({})
    assert not site.journal.exists()
    second = site.run("rehearse.sh", site.source, *REHEARSAL, answer="y\n")
    assert second.returncode == 0 and second.stdout == first.stdout, second
    site.has_lost(old)


def test_rehearse_another_recipe(site):
    done = site.run("rehearse.sh", site.source, "", "sh", PRUNE / "keep-newest.sh", ".", 4, answer="y\n")
    assert done.returncode == 0, done
    site.has_lost({"shop/web": OLD_WEB | {site.signature("1.0.0")}, "team/tools": {"1.0.0"}})


def test_interrupted(site):
    """Ctrl-C while the command runs: nothing stays mounted."""
    site.program("wait", "echo mounted at $PWD; exec sleep 1000")
    process = subprocess.Popen(["sh", PRUNE / "rehearse.sh", site.source, "", site.bin / "wait"], env=site.env, text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    try:
        where = process.stdout.readline().rpartition(" ")[2].strip()
        assert mounts.mounted(where)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 1
    finally:
        end(process)
    assert not mounts.mounted(where) and not Path(where).parent.exists()
    site.has_lost({})


def test_undo(site, shop):
    odd = shop()
    gone = {"shop/web": {"main", "1.4.0"}, "team/tools": {"pr-17"}}
    for name, tags in gone.items():
        for tag in tags:
            (odd / name / "_tags" / tag).unlink()
    site.has_lost(gone)
    refused = site.run("undo.sh", "1h", answer="n\n")
    assert refused.returncode == 1, refused
    site.has_lost(gone)
    one = site.run("undo.sh", "1h", f"{site.place}/team/tools:pr-17", answer="y\n")
    assert one.returncode == 0, one
    site.has_lost({"shop/web": gone["shop/web"]})
    assert site.run("undo.sh", "1h", answer="y\n").returncode == 0
    site.has_lost({})


# ---- what all of them have in common ----

@pytest.mark.parametrize("recipe", RECIPES)
def test_usage(recipe, tmp_path):
    """Without arguments a recipe does nothing but say what it is for."""
    done = subprocess.run(["sh", PRUNE / recipe], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    first, empty, usage = done.stderr.splitlines()[:3]
    assert first.endswith((".", "stay;", "go.")) and empty == "" and usage.startswith(f"  sh {recipe} ")


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_read_at_a_glance(recipe):
    lines = (PRUNE / recipe).read_text().splitlines()
    assert len([line for line in lines if line and not line.startswith("#")]) <= 40
    assert max(map(len, lines)) <= 120


BUSYBOX = ("find", "grep", "sed", "sort", "cut", "xargs", "rm", "printf")


@pytest.mark.parametrize("recipe, words, gone", [
    ("keep-releases.sh", [], {"shop/web": {"1.3", "1.10.1-rc1", "latest", "main"}, "shop/web/admin": {"0.1", "0.2"},
                              "team/tools": {"pr-17", "pr-18", "pr-19", "undated"}}),
    ("below-version.sh", ["0.2"], {"shop/web/admin": {"0.1"}}),
    ("by-pattern.sh", [":pr-", "8$"], {"team/tools": {"pr-17", "pr-19"}}),
])
def test_with_busybox(site, shop, recipe, words, gone):
    """All but those that need find's -delete, which Debian's busybox does not have."""
    busybox = shutil.which("busybox")
    assert busybox, "tests/run.sh installs it"
    for name in BUSYBOX:
        (site.bin / name).symlink_to(busybox)
    site.removes(recipe, shop(), *words, gone=gone, shell=(busybox, "sh"))
