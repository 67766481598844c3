# SPDX-License-Identifier: MIT
"""What lies between a mount and its registry: proxies, IPv6, HTTP/2, limits, hosts that are gone, redirects that expire."""
import os
import random
import socket
import subprocess
import time

import pytest

from lib import images as im
from lib import servers
from lib.filled import TAGS, old
from lib.forward import Relay
from lib.mounts import PRIVATE, MountFailed, environment
from lib.ports import wait_until
from lib.shell import days_ago, errno_of, lines, read, run

# ---- proxies ----


def named(server, name="registry.test"):
    """The server by a name that only a proxy knows: what reaches it has gone through one."""
    return server.url.replace("127.0.0.1", name)


def by_proxy(mount, source, proxy, *options, variable="HTTP_PROXY", **env):
    return mount(source, *options, env={variable: proxy.url, **env})


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_http_through_a_proxy(filled, forward, mount, variable):
    proxy = forward()
    assert len(old(by_proxy(mount, named(filled), proxy, variable=variable))) == TAGS * 3 // 4
    assert all(line.startswith("GET http://registry.test:") for line in proxy.lines)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_https_through_a_proxy(filled, forward, behind, authority, mount, variable):
    registry = behind(filled, tls=authority.sign("proxied", names="DNS:registry.test"))
    proxy = forward()
    m = by_proxy(mount, named(registry), proxy, f"cacert={authority.cert}", variable=variable)
    assert len(old(m)) == TAGS * 3 // 4
    assert {line.split(":")[0] for line in proxy.lines} == {"CONNECT registry.test"}
    assert len(proxy.lines) < 10  # connections, not requests


def test_a_proxy_with_a_password(filled, forward, mount):
    proxy = forward(user="joe", password="hunter2")
    m = mount(named(filled), "log_level=debug", env={"HTTP_PROXY": proxy.url})
    assert len(old(m)) == TAGS * 3 // 4
    assert "hunter2" not in m.log
    with pytest.raises(MountFailed) as error:
        mount(named(filled), env={"HTTP_PROXY": f"http://joe:hunter3@{proxy.host}"})
    assert "USER:PASSWORD@" in error.value.stderr and "hunter" not in error.value.stderr
    with pytest.raises(MountFailed) as error:
        mount("https://registry.test", env={"HTTPS_PROXY": f"http://joe:hunter3@{proxy.host}"})
    assert "USER:PASSWORD@" in error.value.stderr and "hunter" not in error.value.stderr


def test_the_password_for_the_registry_is_not_for_the_proxy(filled, forward, behind, authority, mount):
    filled.access("basic", user="joe", password="secret")
    registry = behind(filled, tls=authority.sign("secret", names="DNS:registry.test"))
    proxy = forward()
    m = mount(named(registry), f"cacert={authority.cert}",
              env={"HTTPS_PROXY": proxy.url, "REGFS_USER": "joe", "REGFS_PASSWORD": "secret"})
    assert len(old(m)) == TAGS * 3 // 4
    assert proxy.heads and not [head for head in proxy.heads if "authorization" in head]


@pytest.mark.parametrize("value", ["gopher://joe:hunter2@p:70", "http://joe:hunter2@", "http://joe:hunter2@[p"])
def test_what_is_no_proxy(filled, mount, value):
    with pytest.raises(MountFailed) as error:
        mount(named(filled), env={"HTTP_PROXY": value})
    assert "HTTP_PROXY" in error.value.stderr and "hunter2" not in error.value.stderr


def test_a_proxy_that_refuses(forward, mount):
    with pytest.raises(MountFailed) as error:
        mount("https://registry.test", env={"HTTPS_PROXY": forward(refuse="403 Forbidden").url})
    assert "proxy" in error.value.stderr and "403" in error.value.stderr


def test_this_machine_needs_no_proxy(filled, forward, mount):
    proxy = forward(refuse="500 Never")
    assert len(old(by_proxy(mount, filled, proxy))) == TAGS * 3 // 4
    assert not proxy.lines


def test_no_proxy(filled, forward, mount):
    proxy = forward(refuse="502 Asked")
    address = next((a for a in own_addresses()), None)
    if not address:
        pytest.skip("this machine has no address but loopback")
    # The registry listens on loopback only: what is refused at once has not gone through the proxy.
    source = f"http://{address}:1"
    for value in (address, f"{address}:1", f"{address.rpartition('.')[0]}.0/24", "*"):
        with pytest.raises(MountFailed) as error:
            by_proxy(mount, source, proxy, NO_PROXY=value)
        assert "502" not in error.value.stderr and not proxy.lines
    with pytest.raises(MountFailed) as error:
        by_proxy(mount, source, proxy, NO_PROXY=f"{address}:2")
    assert proxy.lines


def own_addresses():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # sends nothing
            yield s.getsockname()[0]
        except OSError:
            return


# ---- addresses and protocols ----


def test_ipv6(filled, behind, mount):
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    registry = behind(filled, address="[::1]")
    assert len(old(mount(registry))) == TAGS * 3 // 4
    assert registry.requests()


def test_a_proxy_that_lets_only_a_name_space_through(filled, behind, mount):
    """It has pages of its own beside the registry, and nothing of it but this."""
    filled.push("team/app", "v1", im.image(days_ago(60)))
    registry = behind(filled, location="~ ^/v2/($|_catalog|team/)")
    m = mount(registry.url + "/team")
    assert lines("ls", m.dir) == ["app"]
    assert len(lines("find", m / "app/_tags", "-type", "f", "-mtime", "+30")) == 1
    assert {r["status"] for r in registry.requests()} == {200}


@pytest.mark.parametrize("kind", [servers.Distribution2, servers.Distribution3], ids=lambda kind: kind.name)
def test_a_registry_below_a_path(own_server, behind, remover, kind):
    """nginx gives it a folder of its own: names have one component more than the registry behind knows."""
    real = own_server(kind)
    image = im.image(days_ago(40))
    for tag in ("v1", "v2", "v3"):
        real.push("team/app", tag, image if tag == "v1" else im.image(days_ago(40)))
    registry = behind(real, server="location /v2/mirror/ { rewrite ^/v2/mirror/(.*) /v2/$1 break; proxy_pass http://registry; } "
                                   "location = /v2/_catalog { return 404; }", location="= /v2/")
    m = remover(registry.url + "/mirror")
    folder = m / "team/app/_tags"
    assert lines("ls", folder) == ["v1", "v2", "v3"]
    assert read(folder / "v1") == image.data
    assert read(m / "team/app/_configs/v1") == image.config
    os.unlink(folder / "v2")
    assert lines("find", folder, "-type", "f", "-mtime", "+30", "-printf", "%f\n") in (["v1", "v3"], ["v3", "v1"])


def test_http_2_takes_few_connections(filled, behind, authority, signed, mount):
    for http2, protocol in ((True, "HTTP/2.0"), (False, "HTTP/1.1")):
        registry = behind(filled, tls=signed, http2=http2)
        assert len(old(mount(registry, f"cacert={authority.cert}"))) == TAGS * 3 // 4
        asked = registry.requests()
        assert {r["protocol"] for r in asked} == {protocol}
        connections = len({r["connection"] for r in asked})
        assert connections <= (2 if http2 else 64)


def test_connections_are_kept(filled, behind, mount):
    registry = behind(filled)
    m = mount(registry, "connections=4")
    old(m)
    assert len({r["connection"] for r in registry.requests()}) <= 4


# ---- limits ----


@pytest.mark.parametrize("status", [429, 503])  # 503 is nginx's default
def test_a_limit_takes_time_and_nothing_else(fault, behind, mount, status):
    """nginx says no more than its status: how fast is fast enough has to be found out, and costs few requests."""
    tags = 800
    config = im.image(days_ago(60))
    fault.push_all("a", {f"t{i:04}": config for i in range(tags)})
    proxy = behind(fault, http=f"limit_req_zone $binary_remote_addr zone=z:1m rate=100r/s; limit_req_status {status};",
                   server="limit_req zone=z burst=10 nodelay;")
    m = mount(proxy)
    assert len(old(m)) == tags
    refusals = [r for r in proxy.requests() if r["status"] == status]
    assert 0 < len(refusals) < tags // 5


def test_a_pause_is_for_all(filled, mount):
    """One of many is told to wait: nobody else asks meanwhile, and then one asks first."""
    m = mount(filled, "connections=8")
    lines("ls", m.tags("a"))
    filled.reset()
    filled.rule(delay=0.2)
    filled.rule(kind="manifest", nth=20, status=429, headers={"Retry-After": "6"})
    assert len(old(m)) == TAGS * 3 // 4
    asked = filled.requests()  # of configs as well: any may be the first
    told = next(r for r in asked if r["status"] == 429)
    later = [r["time"] for r in asked if r["time"] > told["end"] + 3]  # what was sent before it was heard has come
    assert min(later) > told["end"] + 5.9
    assert len([t for t in later if t < min(later) + 0.15]) == 1


def test_nobody_waits_for_hours(filled, mount):
    m = mount(filled, "timeout=5")
    lines("ls", m.tags("a"))
    filled.rule(status=429, headers={"Retry-After": "3600"})
    filled.reset()
    done = run("find", m.tags("a"), "-mtime", "+30", check=False)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.count("Resource temporarily unavailable") == TAGS
    assert len(filled.requests(kind="manifest")) < TAGS
    assert "too many requests" in m.log


@pytest.mark.thorough
def test_nobody_behind_the_proxy(filled, mount):
    """It answers, but with nothing else than 503: it is not asked for each name, and found when it is back."""
    m = mount(filled, "connections=4")
    lines("ls", m.tags("a"))
    filled.rule(kind="manifest", status=503)
    filled.reset()
    done = run("find", m.tags("a"), "-mtime", "+30", check=False)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.count("Resource temporarily unavailable") == TAGS
    assert len(filled.requests(kind="manifest")) < TAGS
    filled.forget()
    wait_until(lambda: len(run("find", m.tags("a"), "-type", "f", "-mtime", "+30", check=False).stdout.splitlines())
               == TAGS * 3 // 4, 60, "it is found again without anybody's help")


def test_a_limit_that_is_told_beforehand(filled, mount):
    m = mount(filled)
    lines("ls", m.tags("a"))
    filled.reset()
    filled.rule(kind="manifest", nth=1, headers={"RateLimit-Remaining": "0", "RateLimit-Reset": "2"})
    m.tags("a").joinpath("t000").stat()
    first = [r["end"] for r in filled.requests(kind="manifest")][0]
    m.tags("a").joinpath("t001").stat()
    later = [r["time"] for r in filled.requests() if r["time"] > first + 0.5]
    assert later and min(later) > first + 1.9


# ---- hosts that are gone ----


@pytest.fixture
def relay(fault):
    made = Relay(fault)
    yield made
    made.stop()


@pytest.mark.thorough
def test_a_silent_registry_is_not_asked_for_each_name(fault, relay, mount):
    """Each attempt takes five seconds, and there are a thousand names: asking for each would take minutes."""
    names = 1000
    fault.push_all("a", {f"t{i:04}": im.image(days_ago(60)) for i in range(names)})
    m = mount(relay, "timeout=5", "ttl=600")
    lines("ls", m.tags("a"))
    m.tags("a").joinpath("t0000").stat()
    relay.silence()
    done = run("find", m.tags("a"), "-type", "f", "-mtime", "+30", check=False, seconds=100)
    assert done.returncode == 1 and done.stderr.count("timed out") >= names - 64  # some were known before
    assert m.tags("a").joinpath("t0000").stat().st_size  # what is known is still shown


def test_a_registry_that_comes_back(filled, relay, mount):
    m = mount(relay, "timeout=5")
    lines("ls", m.tags("a"))
    relay.close()
    done = run("find", m.tags("a"), "-type", "f", "-mtime", "+30", check=False)
    assert done.returncode == 1 and "Connection refused" in done.stderr
    relay.open()
    wait_until(lambda: len(run("find", m.tags("a"), "-type", "f", "-mtime", "+30", check=False).stdout.splitlines())
               == TAGS * 3 // 4, 60, "it is found again without anybody's help")


def test_a_name_server_that_never_answers(regfs, tmp_path):
    """What waits for it ends in its own time. The system's resolver would wait for minutes; in a name space of mounts
    of our own it is one that says nothing."""
    if os.geteuid() != 0 or run("unshare", "-m", "true", check=False).returncode:
        pytest.skip("another resolv.conf needs root")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        address = f"127.53.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"  # nobody else's who tests on this machine
        silent.bind((address, 53))
        conf = tmp_path / "resolv.conf"
        conf.write_text(f"nameserver {address}\noptions timeout:30 attempts:5\n")
        script = 'mount --bind "$1" "$(realpath /etc/resolv.conf)" && exec "$2" doctor -o timeout=1 http://reg.test'
        done = subprocess.run([*PRIVATE, "sh", "-c", script, "sh", conf, regfs], env=environment(tmp_path),
                              capture_output=True, text=True, timeout=60)
        silent.settimeout(0)
        assert silent.recv(512)  # it was asked
    assert "Resolving timed out" in done.stdout


# ---- redirects ----


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_address_that_has_expired(fault, mount, status):
    image = im.image(days_ago(60))
    fault.push("a", "v1", image)
    fault.rule(kind="blob", listener="main", redirect="other")
    fault.rule(kind="blob", listener="other", times=1, status=status, body=b"<Error><Code>AccessDenied</Code></Error>")
    m = mount(fault)
    assert m.tags("a").joinpath("v1").stat().st_mtime < time.time() - 50 * 86400
    assert [r["listener"] for r in fault.requests(kind="blob")] == ["main", "other", "main", "other"]


def test_an_address_that_is_refused_for_good(fault, mount):
    fault.push("a", "v1", im.image(days_ago(60)))
    fault.rule(kind="blob", listener="main", redirect="other")
    fault.rule(kind="blob", listener="other", status=403)
    m = mount(fault)
    assert errno_of(os.stat, m.tags("a") / "v1") == "EACCES"
    assert fault.other in m.log  # it is not the registry that refuses
    assert len(fault.requests(kind="blob")) == 4


def test_hosts_take_turns(fault, mount):
    """However much there is to ask of the registry, where it redirects to is asked as well: signed addresses expire."""
    repositories = [f"r{k}" for k in range(6)]
    for repository in repositories:
        fault.push_all(repository, {f"t{i:02}": im.image(days_ago(i + 1)) for i in range(40)})
    fault.rule(kind="blob", listener="main", redirect="other")
    m = mount(fault, "connections=1")
    fault.reset()
    lines("sh", "-c", 'cd "$0" && for r; do find $r/_tags -mtime +1000 & done; wait', m.dir, *repositories)
    asked = [(r["listener"], r["path"]) for r in fault.requests()]
    waits = [asked[at:].index(("other", path)) for at, (listener, path) in enumerate(asked)
             if listener == "main" and "/blobs/" in path]
    assert len(waits) == 240 and max(waits) < 10, waits


# ---- everything at once ----


# Together a fifth; few of them 429, which slows everything down, as it should.
FAULTS = [({"reset": True}, 0.04), ({"status": 500}, 0.04), ({"status": 503}, 0.04), ({"cut": 30}, 0.04),
          ({"hang": "headers"}, 0.03), ({"status": 429}, 0.01)]
TAGS_AMONG_FAULTS = 2000


@pytest.mark.thorough
def test_a_fifth_of_all_requests_fails(fault, mount):
    """Never a wrong date, never a name that is missing without an error."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    ages = {f"t{i:04}": rng.choice((1, 29, 31, 60, 400)) for i in range(TAGS_AMONG_FAULTS)}
    images = {days: im.image(days_ago(days)) for days in set(ages.values())}
    fault.push_all("a", {tag: images[days] for tag, days in ages.items()})
    want = {tag for tag, days in ages.items() if days > 30}
    m = mount(fault, "timeout=5")
    lines("ls", m.tags("a"))
    for effect, chance in FAULTS:
        fault.rule(chance=chance, seed=rng.random(), **effect)
    done = run("find", m.tags("a"), "-type", "f", "-mtime", "+30", check=False, seconds=900)
    found = {line.rpartition("/")[2] for line in done.stdout.splitlines()}
    failed = {line.split("_tags/")[1].split("\u2019")[0].split("'")[0] for line in done.stderr.splitlines()}
    print(f"seed {seed}: {len(failed)} errors, {len(fault.requests())} requests")
    assert found <= want, seed
    assert want - found <= failed, seed
    assert bool(failed) == (done.returncode != 0), seed
    fault.forget()
    wait_until(lambda: {line.rpartition("/")[2] for line in run(
        "find", m.tags("a"), "-type", "f", "-mtime", "+30", check=False).stdout.splitlines()} == want, 60,
        "all of it is shown once nothing fails")
