# SPDX-License-Identifier: MIT
"""Certificates, the registry's and ours, in front of real servers: which go where, and what is said of bad ones."""
import json
import os
import shutil
import subprocess

import pytest

from lib import images as im
from lib.mounts import PRIVATE, MountFailed, environment
from lib.ports import wait_until
from lib.servers import Distribution3
from lib.shell import days_ago, run
from lib.tls import DAY, Authority


@pytest.fixture
def one(fault):
    fault.push("a", "v1", im.image(days_ago(3)))
    return fault


@pytest.fixture(scope="session")
def client(authority):
    return authority.sign("client", names="DNS:client")


def works(mounted):
    return mounted.tags("a").joinpath("v1").stat().st_mtime < mounted.before - 2 * DAY


def refused(mount, *arguments, **more):
    with pytest.raises(MountFailed) as error:
        mount(*arguments, **more)
    said = error.value.stderr
    assert said.count("\n") == 1, said
    return said


BAD = {
    "expired": ({"start": -9 * DAY, "end": -DAY}, "has expired", "renewed"),
    "future": ({"start": DAY}, "not yet valid", "clock"),
    "name": ({"names": "DNS:registry.example"}, "name", "as its certificate does"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_certificate(authority, one, behind, mount, bad):
    how, what, mend = BAD[bad]
    said = refused(mount, behind(one, tls=authority.sign(bad, **how)), f"cacert={authority.cert}")
    assert what in said and mend in said


def test_an_authority_that_is_not_known(authority, signed, one, behind, mount, tmp_path):
    registry = behind(one, tls=signed)
    assert "authority" in (said := refused(mount, registry)) and "cacert=" in said
    other = Authority(tmp_path / "other")
    assert "cacert=" in refused(mount, registry, f"cacert={other.cert}")
    assert works(mount(registry, "insecure"))


def test_nobody_else_is_trusted(authority, signed, one, behind, regfs, tmp_path):
    """cacert= takes the place of the system's authorities: of their file, and of their folder."""
    if os.geteuid() != 0 or run("unshare", "-m", "true", check=False).returncode:
        pytest.skip("a system of our own needs root")
    system = tmp_path / "system"
    system.mkdir()
    shutil.copy(authority.cert, system / "ca-certificates.crt")
    shutil.copy(authority.cert, system / (run("openssl", "x509", "-hash", "-noout", "-in", authority.cert).strip() + ".0"))
    other = Authority(tmp_path / "other", "Other Authority")
    registry = behind(one, tls=signed)
    script = 'mount --bind "$1" /etc/ssl/certs && shift && exec "$@"'
    for options, status in (([], 0), (["-o", f"cacert={other.cert}"], 1), (["-o", f"cacert={authority.cert}"], 0)):
        done = subprocess.run([*PRIVATE, "sh", "-c", script, "sh", system, regfs, "doctor", *options, registry.url],
                              env=environment(tmp_path), capture_output=True, text=True, timeout=60)
        assert done.returncode == status, (options, done.stdout, done.stderr)


def test_its_own_authority(certificate, one, behind, mount):
    said = refused(mount, behind(one, tls=certificate))
    assert "self-signed" in said and "cacert=" in said


def test_a_folder_of_authorities(authority, signed, one, behind, mount, tmp_path):
    folder = tmp_path / "authorities"
    Authority(tmp_path / "other")
    folder.mkdir()
    assert "no file that ends in" in refused(mount, behind(one, tls=signed), f"cacert={folder}")
    shutil.copy(tmp_path / "other/ca.crt", folder / "a.pem")
    shutil.copy(authority.cert, folder / "b.crt")
    assert works(mount(behind(one, tls=signed), f"cacert={folder}"))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_of_the_environment(authority, signed, one, behind, mount, tmp_path, variable):
    """podman and skopeo are written in Go, which reads them."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    shutil.copy(authority.cert, folder / "ca.pem")
    where = folder if variable == "SSL_CERT_DIR" else authority.cert
    assert works(mount(behind(one, tls=signed), env={variable: where}))


@pytest.mark.thorough
def test_an_authority_that_is_renewed(authority, signed, one, behind, mount, tmp_path):
    """The registry's certificate and the file of cacert= are replaced while the mount stands."""
    trusted, pair = tmp_path / "ca.pem", [tmp_path / "registry.cert", tmp_path / "registry.key"]
    shutil.copy(authority.cert, trusted)
    for old, new in zip(signed, pair):
        shutil.copy(old, new)
    registry = behind(one, tls=pair)
    m = mount(registry, f"cacert={trusted}", "ttl=0")
    assert works(m)
    renewed = Authority(tmp_path / "renewed", "Renewed Authority")
    for old, new in zip(renewed.sign("renewed"), pair):
        shutil.copy(old, new)
    shutil.copy(renewed.cert, trusted)
    registry.stop()  # and with it every connection
    registry.process = subprocess.Popen(registry.process.args)
    wait_until(registry.listens, 20, "nginx is back")
    one.push("b", "v1", im.image(days_ago(3)))
    wait_until(lambda: run("stat", m.tags("b") / "v1", check=False).returncode == 0, 60, "regfs has read it")


def test_the_wrong_scheme(signed, one, behind, mount, own_server, certificate):
    plain, secret = behind(one), behind(one, tls=signed)
    assert "write http://" in refused(mount, plain.url.replace("http:", "https:"))
    assert "write https://" in refused(mount, secret.url.replace("https:", "http:"))
    go = own_server(Distribution3, tls=certificate)
    assert "write https://" in refused(mount, go.url.replace("https:", "http:"))


# ---- our own certificate ----


@pytest.fixture
def locked(authority, signed, one, behind):
    """Opens to those whom the authority knows."""
    return behind(one, tls=signed, server=f"ssl_client_certificate {authority.cert}; ssl_verify_client on;")


def test_no_handshake_without_a_scheme(signed, one, behind, mount):
    """On loopback http is tried, too; what it says, that https is spoken there, was known, and mends nothing."""
    registry = behind(one, tls=signed, server="ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_CCM_8_SHA256;")
    said = refused(mount, registry.url.removeprefix("https://"))
    assert "handshake" in said and "write https://" not in said


# ---- what docker takes without verifying it ----


def daemon(folder, *entries):
    """The environment of a user whose docker has these insecure registries."""
    (folder / "config/docker").mkdir(parents=True)
    (folder / "config/docker/daemon.json").write_text(json.dumps({"insecure-registries": entries}))
    return {"XDG_CONFIG_HOME": folder / "config"}


def elsewhere(registry):
    """Its address as one that is not loopback: the kernel leads there all the same."""
    return "0.0.0.0:" + registry.host.rpartition(":")[2]


@pytest.mark.parametrize("entry", ["{}", "http://{}", "0.0.0.0/8"])
@pytest.mark.parametrize("tls", [True, False])
def test_an_insecure_registry_of_docker(authority, one, behind, mount, tmp_path, entry, tls):
    """Who can docker pull from it can mount it: with a certificate that nobody could verify, or with none."""
    registry = behind(one, tls=authority.sign("expired", **BAD["expired"][0]) if tls else None)
    source = elsewhere(registry)
    refused(mount, source)
    m = mount(source, env=daemon(tmp_path, "other:5000", entry.format(source)))
    assert works(m) and "insecure registries" in m.log
    assert "certificate" in refused(mount, "https://" + source) or not tls  # so it was to be verified


def test_another_port_is_another_registry(signed, one, behind, mount, tmp_path):
    registry = behind(one, tls=signed)
    assert "cacert=" in refused(mount, elsewhere(registry), env=daemon(tmp_path, "0.0.0.0", "0.0.0.0:1", "10.0.0.0/8"))


def test_loopback_is_not_verified(signed, one, behind, mount):
    """Nor by docker. Who may listen there for https may for http, which is tried as well."""
    assert works(mount(behind(one, tls=signed).url.removeprefix("https://")))


def test_where_an_insecure_registry_leads(signed, one, behind, mount, tmp_path):
    """Another host has to show who it is."""
    storage = behind(one, tls=signed)
    registry = behind(one, tls=signed, server=f"location ~ /blobs/ {{ return 307 {storage.url}$request_uri; }}")
    m = mount(elsewhere(registry), env=daemon(tmp_path, elsewhere(registry)))
    with pytest.raises(OSError, match="Protocol error"):
        m.tags("a").joinpath("v1").stat()
    assert "certificate" in m.log and not one.requests(kind="blob")


def test_a_client_certificate(authority, client, locked, mount, tmp_path):
    trust = f"cacert={authority.cert}"
    assert "cert=FILE" in refused(mount, locked, trust)
    assert works(mount(locked, trust, f"cert={client[0]}", f"key={client[1]}"))
    both = tmp_path / "both.pem"
    both.write_bytes(client[1].read_bytes() + client[0].read_bytes())
    assert works(mount(locked, trust, f"cert={both}"))
    assert {r["client"] for r in locked.requests()} == {"", "CN=client"}
    stranger = Authority(tmp_path / "other").sign("stranger")
    assert "does not accept the client certificate" in refused(mount, locked, trust, f"cert={stranger[0]}", f"key={stranger[1]}")


def test_a_registry_that_ends_the_handshake(authority, client, signed, own_server, mount):
    """Written in Go, as most are: TLS itself says no, and 1.3 after the handshake."""
    class Locked(Distribution3):
        def config(self):
            config = {**super().config(), "log": {"level": "info"}}
            config["http"]["tls"]["clientcas"] = [str(authority.cert)]
            return config

        def answers(self):  # it would not answer the test
            if self.process.poll() is not None:
                raise ChildProcessError
            return "listening on" in (self.folder / "server.log").read_text()

    server = own_server(Locked, tls=signed)
    trust = f"cacert={authority.cert}"
    assert "client certificate" in refused(mount, server, trust)
    mount(server, trust, f"cert={client[0]}", f"key={client[1]}")


def test_files_that_do_not_fit(authority, client, locked, mount, tmp_path):
    encrypted = tmp_path / "encrypted.key"
    subprocess.run(["openssl", "pkey", "-in", client[1], "-aes256", "-passout", "pass:x", "-out", encrypted], check=True)
    _, other = authority.sign("other")
    trust = f"cacert={authority.cert}"
    assert "passphrase" in refused(mount, locked, trust, f"cert={client[0]}", f"key={encrypted}")
    assert "key=FILE" in refused(mount, locked, trust, f"cert={client[0]}")
    assert "holds no certificate" in refused(mount, locked, trust, f"cert={client[1]}")
    assert "cannot be read" in refused(mount, locked, trust, "cert=/nowhere")
    assert "without cert=" in refused(mount, locked, trust, f"key={other}")
    assert "key of cert=" in refused(mount, locked, trust, f"cert={client[0]}", f"key={other}")


@pytest.mark.parametrize("place", [".config/containers", ".config/docker"])
def test_certs_d(authority, client, locked, mount, tmp_path, place):
    folder = tmp_path / "home" / place / "certs.d" / locked.host
    folder.mkdir(parents=True)
    shutil.copy(authority.cert, folder / "ca.crt")
    env = {"HOME": tmp_path / "home"}
    shutil.copy(client[0], folder / "client.cert")
    assert "has no client.key" in refused(mount, locked, env=env)
    shutil.copy(client[1], folder / "client.key")
    assert works(mount(locked, env=env))


def test_certs_d_of_another_port(authority, locked, mount, tmp_path):
    folder = tmp_path / "home/.config/containers/certs.d/127.0.0.1"
    folder.mkdir(parents=True)
    shutil.copy(authority.cert, folder / "ca.crt")
    assert "cacert=" in refused(mount, locked, env={"HOME": tmp_path / "home"})


def test_nobody_else_sees_who_we_are(authority, client, signed, one, behind, mount, tmp_path):
    """The storage that a registry redirects to would be glad to have a certificate, or a password."""
    (tmp_path / "users").write_text("joe:" + run("openssl", "passwd", "-apr1", "secret"))
    ask = f"ssl_client_certificate {authority.cert}; ssl_verify_client optional;"
    storage = behind(one, tls=signed, server=ask)
    registry = behind(one, tls=signed, server=ask + f"auth_basic x; auth_basic_user_file {tmp_path}/users;"
                      f"location ~ /blobs/ {{ return 307 {storage.url}$request_uri; }}")
    m = mount(registry, f"cacert={authority.cert}", f"cert={client[0]}", f"key={client[1]}",
              env={"REGFS_USER": "joe", "REGFS_PASSWORD": "secret"})
    assert works(m)
    assert {r["client"] for r in registry.requests()} == {"CN=client"}
    assert {r["authorization"][:6] for r in registry.requests()} == {"", "Basic "}
    assert storage.requests() and {(r["client"], r["authorization"]) for r in storage.requests()} == {("", "")}


def test_no_redirect_leaves_https(authority, signed, one, behind, mount):
    registry = behind(one, tls=signed, server=f"location ~ /blobs/ {{ return 307 {one.url}$request_uri; }}")
    m = mount(registry, f"cacert={authority.cert}")
    with pytest.raises(OSError, match="Protocol error"):
        m.tags("a").joinpath("v1").stat()
    assert "from https to http" in m.log
    assert not one.requests(kind="blob")
