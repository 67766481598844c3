#!/bin/sh
# SPDX-License-Identifier: MIT
# Keeps the N newest tags of each repository, and removes the others. What has no date is as old as the mount.
#
#   sh keep-newest.sh DIRECTORY N       DIRECTORY: a mount with -o allow_delete, or a folder in it
#
# What is protected counts, and stays. A repository whose dates cannot all be had is left alone. The mount can do the
# same for whatever command removes: -o keep=N.
set -eu
[ $# = 2 ] && [ "$2" -gt 0 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

CDPATH='' cd -- "$1"
failed=0
folders=$(find . -type d -name '_*' -prune -name _tags) || failed=1
for tags in $folders; do # no name in a mount has a space or another odd character in it
  newest_first=$(ls -t "$tags") || { failed=1; continue; }
  # Signatures are no versions; they go with what they sign.
  printf '%s\n' "$newest_first" | grep -v '^sha256-' | tail -n "+$(($2 + 1))" | sed "s,^,$tags/," |
    xargs -r sh -c 'find "$@" -perm -u=w -delete -print' sh || failed=1
done
exit $failed
