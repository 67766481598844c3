#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes the images that have a label with this value.
#
#   sh by-label.sh DIRECTORY LABEL VALUE      DIRECTORY: a mount with -o allow_delete,xattr, or a folder in it
#
# For example LABEL org.example.branch, VALUE feature/login. Needs getfattr (package attr).
set -eu
[ $# = 3 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

CDPATH='' cd -- "$1"
failed=0
tags=$(find . -type f -path '*/_tags/*' -perm -u=w) || failed=1
for tag in $tags; do # no name in a mount has a space or another odd character in it
  # Every tag has this one: without -o xattr, or where a label cannot be read, nothing is removed.
  getfattr -n user.oci.digest "$tag" >/dev/null || { failed=1; continue; }
  value=$(getfattr --only-values -n "user.oci.label.$2" "$tag" 2>/dev/null) || continue
  [ "$value" != "$3" ] || { rm -f "$tag" && printf '%s\n' "$tag"; } || failed=1
done
exit $failed
