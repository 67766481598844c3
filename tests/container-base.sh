#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes FOLDER/container-base.tar, as root: a root folder with what both stages of examples/gc-container/Containerfile
# need, so that its test pulls nothing and apt has nothing to do. It is made anew when a list of packages
# changes.
#
#   sh tests/container-base.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
folder=$1
lists='examples/packages.sh examples/gc-container/packages.sh'

# shellcheck disable=SC2086 # a list of words
key=$(cat $lists | cksum | cut -d ' ' -f 1)
[ "$(cat "$folder/container-base.key" 2>/dev/null)" != "$key" ] || exit 0
echo "making container-base.tar, by debootstrap"
command -v debootstrap >/dev/null || {
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends debootstrap
}
# From where this machine has its own packages.
mirror=$(apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' 'Label: Debian' | head -n 1)

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"; rm -f "$folder/container-base.new"' EXIT
trap 'exit 1' HUP INT TERM
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "${mirror:-http://deb.debian.org/debian}"
cp /etc/resolv.conf "$root/etc/"
for list in $lists; do
	cp "$list" "$root/list.sh"
	chroot "$root" sh /list.sh
done
chroot "$root" apt-get clean
rm -r "$root/list.sh" "$root/usr/share/doc" "$root/usr/share/locale" "$root/etc/resolv.conf"
rm -f "$root/var/lib/apt/lists/"*_*
tar -C "$root" -cf "$folder/container-base.new" .
mv "$folder/container-base.new" "$folder/container-base.tar"
echo "$key" >"$folder/container-base.key"
