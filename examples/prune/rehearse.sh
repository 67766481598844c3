#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a command on a mount on which nothing is really removed, shows what would go, asks, and runs it for real.
#
#   sh rehearse.sh SOURCE OPTIONS COMMAND [ARGUMENT...]
#
# SOURCE and OPTIONS ('' for none) are those of regfs. The command is run in the mount.
#
#   sh rehearse.sh reg.example keep=3 find . -path '*/_tags/*' -mtime +30 -perm -u=w -delete
set -eu
[ $# -ge 3 ] || { sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
source=$1 options=$2
shift 2

work=$(mktemp -d)
mkdir "$work/mnt"
unmount() { umount "$work/mnt" 2>/dev/null || fusermount3 -u "$work/mnt"; }
# Never rm -r: should it still be mounted, that would empty the registry.
trap 'unmount 2>/dev/null || :; rm -f "$work/before" "$work/after"; rmdir "$work/mnt" "$work"' EXIT
trap 'exit 1' HUP INT TERM
tags() { (cd "$work/mnt" && find . -type f -path '*/_tags/*' | sort); }

regfs "$source" "$work/mnt" -o "allow_delete,dry_run${options:+,$options}"
tags >"$work/before"
(cd "$work/mnt" && "$@") || echo "it fails with exit status $?" >&2
tags >"$work/after"
unmount
echo 'This would go:'
comm -23 "$work/before" "$work/after"
printf 'Remove it? [y/N] ' >&2
read -r answer
[ "$answer" = y ] || exit 1

regfs "$source" "$work/mnt" -o "allow_delete${options:+,$options}"
(cd "$work/mnt" && "$@")
