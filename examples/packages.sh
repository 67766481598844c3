#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what building regfs and the quickstart need, with apt, dnf or apk. Does nothing if all of it is there; root
# rights, by sudo where the caller is not root, are used for the package manager alone. The registry is left out where
# its package starts a service (apt); the quickstart knows how to have it without.
set -eu

programs='cc meson ninja pkg-config fusermount3 python3 jq curl find'
libraries='fuse3 libcurl libcjson libcrypto yaml-0.1' # as pkg-config calls them

say() { printf '%s\n' "packages: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

missing() {
  for program in $programs; do have "$program" || printf ' %s' "$program"; done
  for library in $libraries; do pkg-config --exists "$library" 2>/dev/null || printf ' %s' "$library"; done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    say "this needs root rights and there is no sudo; as root, run: $*"
    exit 1
  fi
}

absent=$(missing)
[ -n "$absent" ] || exit 0
say "not there yet:$absent"

if have apt-get; then
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    gcc libc6-dev meson ninja-build pkg-config libfuse3-dev libcurl4-openssl-dev libcjson-dev libssl-dev libyaml-dev \
    fuse3 python3 jq curl findutils
elif have dnf; then
  as_root dnf install -y gcc meson ninja-build pkgconf-pkg-config fuse3-devel libcurl-devel cjson-devel openssl-devel \
    libyaml-devel fuse3 python3 jq curl findutils
  as_root dnf install -y docker-distribution || say 'there is no package docker-distribution here'
elif have apk; then
  as_root apk add build-base meson samurai pkgconf fuse3-dev curl-dev cjson-dev openssl-dev yaml-dev \
    fuse3 python3 jq curl findutils
  as_root apk add docker-registry || say 'there is no package docker-registry here'
else
  say "please install these (libraries with their headers), then run this again:$absent"
  exit 1
fi
