#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes the versions below VERSION: below 1.4 are 1.3, v1.3.9 and 0.10.2, but not 1.4.0 and 1.10.
#
#   sh below-version.sh DIRECTORY VERSION     DIRECTORY: a mount with -o allow_delete, or a folder in it
#
# Only tags that are nothing but a version with a dot in it are looked at: 1, latest and 1.3-rc1 stay.
set -eu
[ $# = 2 ] && printf '%s\n' "$2" | grep -Eqx 'v?[0-9]+(\.[0-9]+)*' || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

CDPATH='' cd -- "$1"
failed=0
tags=$(find . -type f -path '*/_tags/*') || failed=1
{
  printf '%s %s\n' "${2#v}" limit # it comes before its equals, as the sort is stable
  printf '%s\n' "$tags" | sed -n 's;^.*/v\{0,1\}\([0-9][0-9]*\(\.[0-9][0-9]*\)\{1,\}\)$;\1 &;p'
} | sort -s -V -k 1,1 | sed '/ limit$/,$d' | cut -d ' ' -f 2 |
  xargs -r sh -c 'find "$@" -perm -u=w -print -exec rm -f {} +' sh || failed=1
exit $failed
