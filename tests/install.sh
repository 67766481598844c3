#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the build and the tests need: packages by apt, and registries that no distribution packages, built
# once into a cache folder. Safe to run again: it does what is missing. tests/run.sh calls it.
set -eu

cd "$(dirname "$0")/.."

cache=${REGFS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/regfs-tests}
distribution=github.com/distribution/distribution/v3/cmd/registry@v3.1.1
crane=github.com/google/go-containerregistry/cmd/crane@v0.22.1
zot=zotregistry.dev/zot/v2/cmd/zot@v2.1.11

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# What is missing of the packages that the tests need beside those of the build.
packages() {
	command -v apt-get >/dev/null || {
		echo "no apt here, please see to these: cmocka, pytest (with xdist), docker-registry 2.8, skopeo, umoci, nginx, lighttpd," >&2
		echo "openssl, htpasswd, getfattr, busybox, mandoc, setpriv, findmnt, redis" >&2
		return 0
	}
	missing=
	for package in libcmocka-dev python3-pytest python3-pytest-xdist skopeo umoci openssl apache2-utils attr \
		busybox mandoc procps redis-tools ca-certificates; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	as_root apt-get update -q
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
}

# Debian's packages of servers would start a service, now and at every boot: so they are only unpacked, into the cache.
unpack() { # PROGRAM PACKAGE
	for folder in /usr/bin /usr/sbin "$cache/debian/usr/bin" "$cache/debian/usr/sbin"; do
		[ ! -x "$folder/$1" ] || return 0
	done
	command -v apt-get >/dev/null || return 0
	mkdir -p "$cache/debian"
	(cd "$cache/debian" && apt-get -o "APT::Sandbox::User=$(id -un)" download -q "$2" && dpkg-deb -x "$2"_*.deb .) ||
		{ as_root apt-get update -q && (cd "$cache/debian" && apt-get download -q "$2" && dpkg-deb -x "$2"_*.deb .); }
}

go_install() { # NAME MODULE: puts it into the cache, unless it is there
	[ ! -x "$cache/bin/$1" ] || return 0
	echo "building $2"
	GOBIN=$cache/bin GOFLAGS=-mod=mod go install "$2" >"$cache/$1.out" 2>&1 && return 0
	tail -n 3 "$cache/$1.out" >&2
	return 1
}

# Only the module proxy's own refusal excuses zot: any other failure is one of these tests.
install_zot() {
	rm -f "$cache/zot.refused"
	[ -z "${REGFS_TEST_ZOT:-}" ] || return 0
	! command -v zot >/dev/null || return 0
	go_install zot "$zot" && return 0
	grep -E '403 Forbidden|not on (its|the) allow-?list' "$cache/zot.out" | head -n 1 >"$cache/zot.refused" || true
	[ -s "$cache/zot.refused" ] || rm -f "$cache/zot.refused"
	[ -s "$cache/zot.refused" ]
}

servers() {
	mkdir -p "$cache/bin"
	PATH=$PATH:/usr/local/go/bin # where go.dev's own archive goes
	command -v go >/dev/null || {
		echo "no go here: distribution 3, zot and crane are not built (Go 1.25 or newer builds them)" >&2
		return 0
	}
	go_install registry "$distribution" || failed=1
	go_install crane "$crane" || failed=1
	install_zot || failed=1
}

# What the test of examples/gc-container begins with.
container_base() {
	{ command -v docker && command -v apt-get; } >/dev/null || return 0
	as_root sh tests/container-base.sh "$cache" >"$cache/container-base.out" 2>&1 && return 0
	tail -n 3 "$cache/container-base.out" >&2
	return 1
}

fuse_device() {
	[ -e /dev/fuse ] || [ "$(id -u)" != 0 ] || mknod -m 666 /dev/fuse c 10 229
}

failed=0
sh examples/packages.sh
packages
unpack docker-registry docker-registry
unpack nginx nginx
unpack lighttpd lighttpd
container_base &
base=$!
servers
wait "$base" || failed=1
fuse_device
# Outside CI the tests of a server that is missing are skipped and named; in CI they fail, and so does this.
[ "$failed" = 0 ] || [ "${CI:-}" != true ]
