#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the container needs to run, on Debian or Ubuntu. Does nothing if all of it is there. What building
# needs is examples/packages.sh's.
set -eu

missing=
# libfuse3 and libcurl, whose names differ from release to release, come with fuse3 and curl.
for package in fuse3 curl libcjson1 libyaml-0-2 mount findutils jq ca-certificates tzdata; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
apt-get update -q
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing
rm -rf /var/lib/apt/lists/*
