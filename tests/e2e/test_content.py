# SPDX-License-Identifier: MIT
"""Every tag of every real registry: size, bytes, digest and date are what other clients see."""
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from lib import images as im
from lib.shell import CI, nanoseconds, read, run

DATES = ["2021-01-02T03:04:05.123456789Z", "2022-02-03T04:05:06.5Z", "2023-03-04T05:06:07+02:00"]
PLATFORMS = ["linux/amd64", "linux/arm64/v8", "linux/s390x"]


def images():
    made = {"artifact": im.artifact(DATES[1])}
    for kind, docker in (("oci", False), ("docker", True)):
        for i, date in enumerate(DATES):
            made[f"{kind}-{i}"] = im.image(date, docker=docker, labels={"n": str(i)})
        children = [im.image(d, docker=docker, platform=p) for d, p in zip(DATES, PLATFORMS)]
        made[f"{kind}-index"] = im.index(children, docker=docker)
        made[f"{kind}-again"] = made[f"{kind}-0"]
    children = [im.image(d, platform=p) for d, p in zip(DATES, PLATFORMS)]
    made["attested"] = im.index(children + [im.attestation(c, "2026-01-01T00:00:00Z") for c in children])
    return made


@pytest.fixture(scope="module")
def pushed(running):
    """Pushes the images once to each server; returns them."""
    made, done = images(), set()

    def push(server):
        if server.name not in done:
            server.push_all("content/app", made)
            done.add(server.name)
        return made
    return push


def inspect(server, reference, platform=None):
    """What skopeo says about an image."""
    command = ["skopeo"]
    if platform:
        system, architecture, *variant = platform.split("/")
        command += ["--override-os", system, "--override-arch", architecture]
        command += ["--override-variant", *variant] if variant else []
    return json.loads(run(*command, "inspect", "--no-tags", "--tls-verify=false",
                          f"docker://{server.host}/{reference}"))


def created_by_skopeo(server, reference, image):
    if not image.children:
        return nanoseconds(inspect(server, reference)["Created"])
    return max(nanoseconds(inspect(server, reference, p)["Created"]) for p in PLATFORMS)


def test_bytes_sizes_and_digests(real, pushed, mount):
    made = pushed(real)
    tags = mount(real).tags("content/app")
    assert sorted(os.listdir(tags)) == sorted(made)
    for tag, image in made.items():
        data = read(tags / tag)
        assert data == image.data
        assert (tags / tag).stat().st_size == len(data)
        assert run("sha256sum", tags / tag).split()[0] == image.digest.partition(":")[2]
        assert run("wc", "-c", tags / tag).split()[0] == str(len(data))


def test_dates_are_those_that_skopeo_prints(real, pushed, mount):
    made = pushed(real)
    tags = mount(real).tags("content/app")
    for tag, image in made.items():
        if tag != "artifact":  # skopeo cannot inspect one
            assert (tags / tag).stat().st_mtime_ns == created_by_skopeo(real, f"content/app:{tag}", image), tag
    assert (tags / "artifact").stat().st_mtime_ns == nanoseconds(DATES[1])


def test_configs_and_jq(real, pushed, mount):
    made = pushed(real)
    m = mount(real, "platform=linux/arm64/v8")
    for tag in ("oci-0", "docker-1"):
        assert read(m / f"content/app/_configs/{tag}") == made[tag].config
        assert run("jq", "-r", ".config.Labels.n", m / f"content/app/_configs/{tag}").strip() == tag[-1]
    assert read(m / "content/app/_configs/docker-index") == made["docker-index"].children[1].config


def test_manifests_by_digest(real, pushed, mount):
    made = pushed(real)
    folder = mount(real) / "content/app/_manifests"
    expected = {part.digest for image in made.values() for part in image.family()}
    assert set(os.listdir(folder)) == expected
    for digest in expected:
        assert "sha256:" + hashlib.sha256(read(folder / digest)).hexdigest() == digest


@pytest.fixture
def layout(tmp_path):
    """An OCI layout with one image, made by umoci."""
    folder = tmp_path / "layout"
    run("umoci", "init", "--layout", folder)
    run("umoci", "new", "--image", f"{folder}:v1")
    run("umoci", "config", "--image", f"{folder}:v1", "--created", "2023-05-06T07:08:09Z",
        "--config.label", "made.by=umoci")
    return folder


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_pushed_by_skopeo(real, layout, mount, form):
    repository = f"skopeo/{form}"
    run("skopeo", "copy", "--dest-tls-verify=false", "--format", form, f"oci:{layout}:v1",
        f"docker://{real.host}/{repository}:v1")
    tag = mount(real).tags(repository).joinpath("v1")
    assert tag.stat().st_mtime_ns == nanoseconds("2023-05-06T07:08:09Z")
    shown = json.loads(read(tag))
    assert shown["mediaType"] == (im.OCI_MANIFEST if form == "oci" else im.DOCKER_MANIFEST) \
        if "mediaType" in shown else form == "oci"
    assert inspect(real, f"{repository}:v1")["Digest"] == "sha256:" + hashlib.sha256(read(tag)).hexdigest()


def docker_engine():
    return shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0


def test_pushed_by_docker(registry2, tmp_path, mount):
    if not docker_engine():
        (pytest.fail if CI else pytest.skip)("no docker engine")
    name = f"{registry2.host}/docker/app:v1"
    (tmp_path / "file").write_text("hello")
    tar = tmp_path / "root.tar"
    run("tar", "-C", tmp_path, "-cf", tar, "file")
    try:
        run("docker", "import", tar, name)
        run("docker", "push", name)
        created = run("docker", "image", "inspect", "--format", "{{.Created}}", name).strip()
    finally:
        run("docker", "image", "rm", name, check=False)
    tag = mount(registry2).tags("docker/app").joinpath("v1")
    assert tag.stat().st_mtime_ns == nanoseconds(created) == nanoseconds(inspect(registry2, "docker/app:v1")["Created"])
    assert json.loads(read(tag))["mediaType"] == im.DOCKER_MANIFEST
