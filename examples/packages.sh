#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what regfs needs, with the system's package manager; what is there already is left alone.
#
#   packages.sh build|samples|bench...     print nothing and do nothing if all of it is there
#
# build: compiler, tools and libraries.  samples: what the quickstart runs.  bench: what tests/bench needs beside these.
# Root rights are used for the package manager only, by sudo where the caller is not root.
set -eu

say() { printf '%s\n' "packages: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# Prints what of a set is not there: programs by name, libraries as pkg-config calls them.
missing() {
  case $1 in
  build) programs='cc meson ninja pkg-config' libraries='fuse3 libcurl libcjson libcrypto' ;;
  samples) programs='fusermount3 python3 jq curl find' libraries='' ;;
  bench) programs='nginx python3 find fusermount3' libraries='' ;;
  *) say "unknown set '$1'; there are: build, samples, bench"; exit 2 ;;
  esac
  for program in $programs; do have "$program" || echo "$program"; done
  for library in $libraries; do
    have pkg-config && pkg-config --exists "$library" || echo "$library"
  done
}

# Prints the packages of a set, as the manager of this system names them.
packages() {
  case $manager-$1 in
  apt-build) echo gcc libc6-dev meson ninja-build pkg-config libfuse3-dev libcurl4-openssl-dev libcjson-dev libssl-dev ;;
  apt-samples) echo fuse3 python3 jq curl findutils ;;
  apt-bench) echo nginx-light python3 findutils fuse3 ;;
  dnf-build) echo gcc meson ninja-build pkgconf-pkg-config fuse3-devel libcurl-devel cjson-devel openssl-devel ;;
  dnf-samples) echo fuse3 python3 jq curl findutils ;;
  dnf-bench) echo nginx python3 findutils fuse3 ;;
  apk-build) echo build-base meson samurai pkgconf fuse3-dev curl-dev cjson-dev openssl-dev ;;
  apk-samples) echo fuse3 python3 jq curl findutils ;;
  apk-bench) echo nginx python3 findutils fuse3 ;;
  esac
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

install_packages() {
  case $manager in
  apt)
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
    ;;
  dnf) as_root dnf install -y "$@" ;;
  apk) as_root apk add "$@" ;;
  esac
}

absent=''
for set in "$@"; do absent="$absent $(missing "$set" | tr '\n' ' ')"; done
[ -n "$(echo $absent)" ] || exit 0

if have apt-get; then manager=apt
elif have dnf; then manager=dnf
elif have apk; then manager=apk
else
  say "please install these (programs, and libraries with their headers), then run this again:$absent"
  exit 1
fi

list=''
for set in "$@"; do list="$list $(packages "$set")"; done
say "not there yet:$absent"
install_packages $list
