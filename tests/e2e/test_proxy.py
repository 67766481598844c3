# SPDX-License-Identifier: MIT
"""A registry behind nginx: TLS and HTTP/2, its own error pages, its own limits and passwords."""
import os

import pytest

from lib import images as im
from lib.filled import TAGS, old
from lib.mounts import MountFailed
from lib.shell import days_ago, errno_of, lines, run


def test_http_2(filled, behind, certificate, mount):
    proxy = behind(filled, tls=certificate)
    assert len(old(mount(proxy, f"cacert={certificate[0]}"))) == TAGS * 3 // 4
    asked = [line for line in proxy.log() if "/manifests/" in line]
    assert len(asked) == TAGS and all(line.startswith("HTTP/2.0 200 GET") for line in asked)


def test_links_that_name_the_registry_behind(filled, behind, certificate, mount):
    """A registry that does not know of its proxy answers with its own scheme and address."""
    filled.rule(kind="tags", link="absolute", page=7)
    m = mount(behind(filled, tls=certificate), f"cacert={certificate[0]}")
    assert len(lines("ls", m.tags("a"))) == TAGS


def test_a_limit_on_requests(filled, behind, mount):
    """More is refused than served at first; the walk takes its time and misses nothing."""
    proxy = behind(filled, http="limit_req_zone $binary_remote_addr zone=z:1m rate=100r/s; limit_req_status 429;",
                   server="limit_req zone=z burst=5 nodelay; error_page 429 @later; "
                          "location @later { internal; add_header Retry-After 1 always; return 429; }")
    m = mount(proxy, "timeout=60")
    assert len(old(m)) == TAGS * 3 // 4
    assert any(" 429 " in line for line in proxy.log())


def test_a_registry_that_is_down_behind_it(filled, behind, mount):
    m = mount(behind(filled), "timeout=15")
    lines("ls", m.tags("a"))
    filled.kill()
    assert errno_of(os.stat, m.tags("a") / "t001") == "EIO"  # nginx's page says 502
    assert "502" in m.log


def test_its_passwords(filled, behind, mount, tmp_path):
    (tmp_path / "users").write_text("joe:" + run("openssl", "passwd", "-apr1", "right"))
    proxy = behind(filled, server=f"auth_basic registry; auth_basic_user_file {tmp_path}/users;")
    with pytest.raises(MountFailed):
        mount(proxy, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "wrong"})
    assert len(old(mount(proxy, env={"REGFS_USER": "joe", "REGFS_PASSWORD": "right"}))) == TAGS * 3 // 4


def test_a_real_registry_behind_it(registry2, behind, certificate, mount):
    image = im.image(days_ago(40))
    registry2.push("proxied/app", "v1", image)
    m = mount(behind(registry2, tls=certificate), f"cacert={certificate[0]}")
    assert (m.tags("proxied/app") / "v1").read_bytes() == image.data
