# SPDX-License-Identifier: MIT
"""examples/gc-container: the image is built and run by docker, over real pushes; what is left is pulled by skopeo."""
import itertools
import json
import os
import re
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lib import container, pull, servers
from lib import images as im
from lib.kubernetes import ScaleApi
from lib.ports import wait_until
from lib.shell import CI, days_ago

pytestmark = pytest.mark.huge

KINDS = {"distribution-2": servers.Distribution2, "distribution-3": servers.Distribution3}
REPOSITORY = "team/app"
NUMBERS = itertools.count()


def program(kind):
    found = KINDS[kind].program()
    if not found:
        (pytest.fail if CI else pytest.skip)(f"{kind} is not installed; tests/install.sh installs it")
    return Path(found)


@pytest.fixture(scope="session")
def image(tmp_path_factory):
    """The image, with a registry 2.8 in it; gone at the end."""
    missing = container.why_not()
    if missing:
        (pytest.fail if CI else pytest.skip)(missing)
    with container.image(tmp_path_factory.getbasetemp().parent, program("distribution-2")) as name:
        yield name


@pytest.fixture
def create(image):
    """create(**ENVIRONMENT): a container that is not started yet. All are removed at the end."""
    made = []

    def start(kind="distribution-2", **more):
        made.append(container.Container(image, f"regfs-test-gc-{os.getpid()}-{next(NUMBERS)}", **more))
        if kind != "distribution-2":  # as another --build-arg REGISTRY does it
            made[-1].put("/usr/local/bin", {"registry": program(kind).read_bytes()})
        return made[-1]
    yield start
    for one in reversed(made):
        one.remove()


def stock():
    """{tag: image}: old and young ones that share layers, an index of each sort, an old image with a young name."""
    shared, only_old, only_young = (im.layer(name * 20000, name) for name in ("shared", "old", "young"))
    young = im.image(days_ago(3), layers=[shared, only_young])

    def index(days, layers, **more):
        return im.index([im.image(days_ago(days), platform=p, layers=layers, **more)
                         for p in ("linux/amd64", "linux/arm64")])
    return {"1.0": im.image(days_ago(400), layers=[shared, only_old]), "1.1": index(200, [shared, only_old]),
            "1.2": im.image(days_ago(90), docker=True), "2.0": young, "latest": young,
            "2.1": index(5, [shared]), "stable": im.image(days_ago(300), layers=[shared])}


OLD = {"1.0", "1.1", "1.2", "stable"}


def content(images):
    """The digests of all that these images are made of."""
    parts = [part for image in images.values() for part in image.family()]
    return {part.digest for part in parts} | {digest for part in parts for digest in part.blobs}


def whole(one, images, tmp_path, gone=()):
    """These tags, and no others, are there; each can be pulled, and nothing else is stored."""
    status, body = one.request("GET", f"/v2/{REPOSITORY}/tags/list")
    assert status == 200 and set(json.loads(body)["tags"]) == set(images)
    assert pull.broken(one, [(REPOSITORY, tag) for tag in images], tmp_path / "pulled") == {}
    assert set(one.stored()) == content(images) | content(gone or {})


def takes_pushes(one, images, tmp_path):
    """With images that it had before: what it remembers of them must not be what is gone."""
    one.push_all(REPOSITORY, images)
    assert pull.broken(one, [(REPOSITORY, tag) for tag in images], tmp_path / "again") == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("meanwhile", ["readonly", "stopped"])
def test_what_is_old_goes_and_its_space_comes_back(create, kind, meanwhile, tmp_path):
    one = create(kind, COLLECT_WHILE=meanwhile, PRUNE_FIND="-mtime +30", PROTECT="other/*:*, *:stable",
                 PROTECT_FROM="/used", files={"/": {"used": f"{REPOSITORY}:1.2\n".encode()}}).start()
    images = stock()
    one.push_all(REPOSITORY, images)
    before = one.stored()
    assert set(before) == content(images)
    report = one.collect()
    left = {tag: image for tag, image in images.items() if tag not in OLD - {"1.2", "stable"}}
    whole(one, left, tmp_path)
    after = one.stored()
    freed = subprocess.run(["numfmt", "--to=iec-i", "--suffix=B", str(sum(before.values()) - sum(after.values()))],
                           capture_output=True, text=True, check=True).stdout.strip()
    assert report.groupdict() == {"end": "ok", "removed": "2", "protected": "2", "freed": freed,
                                  "blobs": str(len(before) - len(after)), "problems": "0"}
    assert one.healthy()
    # What has just ended is dead for a moment before it is waited for.
    wait_until(lambda: one.left_behind() == "", 20, "nothing stays behind")
    takes_pushes(one, images, tmp_path)
    # A second round does the same again.
    assert one.collect()["removed"] == "2"
    whole(one, left, tmp_path)


def test_nothing_goes_that_is_protected(create, tmp_path):
    one = create(PRUNE_FIND="-mtime +30", PROTECT="*:*").start()
    images = stock()
    one.push_all(REPOSITORY, images)
    report = one.collect()
    assert (report["end"], report["removed"], report["protected"], report["blobs"]) == ("ok", "0", "4", "0")
    whole(one, images, tmp_path)


def test_a_prune_that_is_refused_is_told_and_the_registry_goes_on(create, tmp_path):
    one = create(PRUNE_FIND="-mtime +30", REGISTRY_STORAGE_DELETE_ENABLED="false").start()
    images = stock()
    one.push_all(REPOSITORY, images)
    report = one.collect()
    assert (report["end"], report["removed"], report["problems"]) == ("not ok: prune (1)", "0", "0")
    assert not one.healthy()
    whole(one, images, tmp_path)
    takes_pushes(one, {"new": im.image()}, tmp_path)


def test_a_registry_that_cannot_be_mounted_is_collected_all_the_same(create, tmp_path):
    one = create(PRUNE_FIND="-mtime +30", PROTECT_FROM="/there/is/no/such/file").start()
    images = stock()
    one.push_all(REPOSITORY, images)
    one.request("DELETE", f"/v2/{REPOSITORY}/manifests/{images['1.2'].digest}")
    assert one.collect()["end"] == "not ok: prune (1)"
    whole(one, {tag: image for tag, image in images.items() if tag != "1.2"}, tmp_path)


def test_without_fuse_the_space_of_what_others_removed_comes_back(create, tmp_path):
    one = create(privileges=()).start()
    images = stock()
    one.push_all(REPOSITORY, images)
    one.request("DELETE", f"/v2/{REPOSITORY}/manifests/{images['1.2'].digest}")
    report = one.collect()
    assert (report["end"], report["removed"]) == ("ok", "0") and int(report["blobs"]) > 0
    whole(one, {tag: image for tag, image in images.items() if tag != "1.2"}, tmp_path)


def test_the_builtin_engine_has_the_options_that_it_needs(create, tmp_path):
    one = create(PRUNE_FIND="-mtime +30", GC_OPTIONS="--engine builtin --grace 0 --settle 0").start()
    images = stock()
    one.push_all(REPOSITORY, images)
    report = one.collect()
    assert (report["end"], report["removed"], report["problems"]) == ("ok", "4", "0")
    whole(one, {tag: image for tag, image in images.items() if tag not in OLD}, tmp_path)


def test_rounds_come_by_themselves(create):
    one = create(COLLECT_EVERY="1s").start()
    one.push_all(REPOSITORY, {"1": im.image()})
    assert [one.next_report(n)["end"] for n in range(2, 4)] == ["ok", "ok"]


def test_the_time_of_day_is_that_of_the_zone(create):
    before = datetime.now(timezone.utc)
    one = create(COLLECT_AT="03:30", TZ="Asia/Tokyo").start()
    line = re.search(r"gc: next round: (\S+ \S+) JST", one.log())
    moment = datetime.strptime(line[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    assert (moment.hour, moment.minute) == (3, 30)
    assert before < moment <= datetime.now(timezone.utc) + timedelta(days=1)  # it may be half past three by now


def test_a_registry_with_a_password(create, tmp_path):
    password = "x y'$z"
    line = subprocess.run(["htpasswd", "-Bbn", "cleaner", password], check=True, capture_output=True).stdout
    one = create(PRUNE_FIND="-mtime +30", REGFS_USER="cleaner", REGFS_PASSWORD=password,
                 REGISTRY_AUTH_HTPASSWD_REALM="x", REGISTRY_AUTH_HTPASSWD_PATH="/htpasswd",
                 files={"/": {"htpasswd": line}}).start()
    images = stock()
    one.push_all(REPOSITORY, images)
    report = one.collect()
    assert (report["end"], report["removed"], report["problems"]) == ("ok", "4", "0")
    assert set(one.stored()) == content({tag: image for tag, image in images.items() if tag not in OLD})
    assert password not in one.log()


@pytest.mark.parametrize("wrong", [{"COLLECT_EVERY": "soon"}, {"COLLECT_AT": "25:99"}, {"COLLECT_WHILE": "running"},
                                   {"arguments": ("collect",)}, {"arguments": ("once",), "URL": ""}])
def test_what_it_does_not_understand_ends_it(create, wrong):
    one = create(**wrong)
    done = container.docker("start", "--attach", one.name, check=False)
    assert done.returncode == 2 and b"gc: " in done.stderr and b"entrypoint.sh serve" in done.stderr


# ---- ended in mid-round --------------------------------------------------------------------------------------------

# Stands before the registry's collector: it lets dry runs pass, and stays where the test wants it to.
HOOK = """#!/bin/sh
case "$* " in
*dry-run* | "serve "* | *version*) exec registry "$@" ;;
esac
[ -e /hook/open ] && exec registry "$@"
%s
touch /hook/reached
exec sleep 1000
"""
MOMENTS = {"before": ":", "after": 'registry "$@"'}


def in_mid_round(create, moment):
    one = create(PRUNE_FIND="-mtime +30", GC_OPTIONS="--registry /hook/registry")
    one.put("/", {"hook/registry": (HOOK % MOMENTS[moment]).encode()})
    one.start()
    images = stock()
    one.push_all(REPOSITORY, images)
    container.docker("kill", "--signal", "USR1", one.name)
    wait_until(lambda: one.execute("ls", "/hook").split() == ["reached", "registry"], 60, "the collector is reached")
    assert one.request("POST", f"/v2/{REPOSITORY}/blobs/uploads/")[0] == 405  # nobody can write
    assert one.request("GET", f"/v2/{REPOSITORY}/manifests/2.0", Accept=im.OCI_MANIFEST)[0] == 200
    return one, {tag: image for tag, image in images.items() if tag not in OLD}


def mended(one, left, tmp_path):
    one.put("/", {"hook/open": b""})
    one.start()
    takes_pushes(one, left, tmp_path)
    assert one.collect()["end"] == "ok"
    whole(one, left, tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_mid_round_it_goes_on_where_it_was(create, moment, tmp_path):
    one, left = in_mid_round(create, moment)
    container.docker("kill", one.name)
    wait_until(lambda: one.state()[0] == "exited", 60, "it is dead")
    mended(one, left, tmp_path)


def test_stopped_in_mid_round_it_ends_orderly(create, tmp_path):
    one, left = in_mid_round(create, "before")
    container.docker("stop", "--time", "120", one.name)
    assert one.state() == ["exited", "0"], one.log()
    assert one.reports()[-1]["end"] == "not ok: collect (143)"
    mended(one, left, tmp_path)


# ---- beside a registry elsewhere -----------------------------------------------------------------------------------

SCALE = "/usr/local/lib/gc-container/scale.sh registry"


@pytest.fixture
def api(certificate):
    started = []

    def start(**more):
        started.append(ScaleApi(certificate, **more))
        return started[-1]
    yield start
    for one in started:
        one.stop()


def beside(create, api, elsewhere, **env):
    account = {"account/token": b"secret\n", "account/namespace": b"images", "account/ca.crt": api.cacert.read_bytes()}
    one = create(arguments=("once",), volumes_from=elsewhere.name, files={"/": account}, URL=elsewhere.url,
                 KUBERNETES_SERVICE_HOST="127.0.0.1", KUBERNETES_SERVICE_PORT=str(api.port), SERVICE_ACCOUNT="/account",
                 STOP_COMMAND=SCALE + " 0", START_COMMAND=SCALE + " 1", **env)
    return one, container.docker("start", "--attach", one.name, check=False)


def scaler(elsewhere):
    """What a controller does: a pod lives on for a while after it is told to end."""
    def scale(replicas):
        if replicas == 0:
            container.docker("stop", "--time", "60", elsewhere.name)
        else:
            elsewhere.start()
    return scale


def test_once_beside_a_deployment(create, api, tmp_path):
    elsewhere = create(privileges=()).start()
    images = stock()
    elsewhere.push_all(REPOSITORY, images)
    kubernetes = api(scale=scaler(elsewhere))
    one, done = beside(create, kubernetes, elsewhere, PRUNE_FIND="-mtime +30")
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    report = one.reports()[0]
    assert (report["end"], report["removed"]) == ("ok", "4") and int(report["blobs"]) > 0
    assert kubernetes.scaled == [0, 1]
    assert kubernetes.listed == [0, 3]  # until no pod was left
    assert set(kubernetes.authorizations) == {"Bearer secret"}
    whole(elsewhere, {tag: image for tag, image in images.items() if tag not in OLD}, tmp_path)
    assert "secret" not in one.log()


def test_once_does_not_collect_where_the_registry_cannot_be_stopped(create, api, tmp_path):
    elsewhere = create(privileges=()).start()
    images = stock()
    elsewhere.push_all(REPOSITORY, images)
    elsewhere.request("DELETE", f"/v2/{REPOSITORY}/manifests/{images['1.2'].digest}")
    before = elsewhere.stored()
    kubernetes = api(scale=None)
    one, done = beside(create, kubernetes, elsewhere)
    assert (done.returncode, one.reports()[0]["end"]) == (1, "not ok: stop (22) start (22)"), one.log()
    assert kubernetes.scaled == [0, 1]  # asked for, and refused; it is not known what became of it
    assert elsewhere.stored() == before


def test_once_refuses_while_somebody_writes(create, tmp_path):
    elsewhere = create(privileges=()).start()
    images = stock()
    elsewhere.push_all(REPOSITORY, images)
    before = elsewhere.stored()
    one = create(arguments=("once",), volumes_from=elsewhere.name, URL=elsewhere.url)
    done = container.docker("start", "--attach", one.name, check=False)
    assert done.returncode == 3, done.stderr.decode()[-3000:]
    report = one.reports()[0]
    assert (report["end"], report["freed"], report["problems"]) == ("not ok: collect (3)", "?", "0")
    assert f"gc: refused: the registry must be stopped, or read-only: the registry at {elsewhere.url}" in one.log()
    assert elsewhere.stored() == before


def test_once_cannot_see_that_the_registry_is_stopped(create, tmp_path):
    elsewhere = create(privileges=()).start()
    images = stock()
    elsewhere.push_all(REPOSITORY, images)
    elsewhere.request("DELETE", f"/v2/{REPOSITORY}/manifests/{images['1.2'].digest}")
    before = elsewhere.stored()
    container.docker("stop", "--time", "60", elsewhere.name)
    ended = {}
    for options in ("", "--stopped"):
        one = create(arguments=("once",), volumes_from=elsewhere.name, URL=elsewhere.url, GC_OPTIONS=options)
        ended[options] = container.docker("start", "--attach", one.name, check=False).returncode
        if not options:
            assert "runs in a container" in one.log() and "--stopped" in one.log()
            assert one.reports()[0]["end"] == "not ok: collect (3)"
    assert ended == {"": 3, "--stopped": 0}
    elsewhere.start()
    assert len(elsewhere.stored()) < len(before)
    whole(elsewhere, {tag: image for tag, image in images.items() if tag != "1.2"}, tmp_path)


# ---- the files beside it -------------------------------------------------------------------------------------------

KNOWN = set(re.findall(r'"\$\{([A-Z_]+):?=', (container.EXAMPLE / "entrypoint.sh").read_text()))


def test_the_readme_has_every_variable():
    text = (container.EXAMPLE / "README.md").read_text()
    assert len(KNOWN) > 12 and {name for name in KNOWN if f"`{name}`" not in text} == set()


def test_the_cron_job_is_sound():
    yaml = pytest.importorskip("yaml")
    account, role, binding, job = yaml.safe_load_all((container.EXAMPLE / "cronjob.yaml").read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    box = pod["containers"][0]
    assert {entry["name"] for entry in box["env"]} <= KNOWN and box["args"] == ["once"]
    assert all(isinstance(entry["value"], str) for entry in box["env"])
    assert {entry["name"] for entry in box["volumeMounts"]} == {entry["name"] for entry in pod["volumes"]}
    assert pod["serviceAccountName"] == account["metadata"]["name"] == binding["subjects"][0]["name"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    # What scale.sh asks for.
    assert [(rule["resources"], rule["verbs"]) for rule in role["rules"]] == \
        [(["deployments/scale"], ["get", "patch"]), (["pods"], ["list"])]


def test_the_compose_file_is_sound():
    if not shutil.which("docker-compose"):
        pytest.skip("there is no docker-compose")
    done = subprocess.run(["docker-compose", "-f", container.EXAMPLE / "compose.yaml", "config"], capture_output=True)
    assert done.returncode == 0, done.stderr
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load(done.stdout)["services"]["registry"]
    assert set(service["environment"]) - {"TZ"} <= KNOWN
