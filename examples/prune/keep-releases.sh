#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes all tags but releases: 1.2.3 and v1.2.3 stay; latest, 1.2, 1.2.3-rc1 and main go.
#
#   sh keep-releases.sh DIRECTORY       DIRECTORY: a mount with -o allow_delete, or a folder in it
#
# To keep others as well, protect them: regfs -o allow_delete,protect='*:latest'. Signatures go with what they sign.
set -eu
[ $# = 1 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

CDPATH='' cd -- "$1"
failed=0
tags=$(find . -type f -path '*/_tags/*') || failed=1
printf '%s\n' "$tags" | grep -Ev '^$|/(v?[0-9]+\.[0-9]+\.[0-9]+|sha256-[0-9a-f]{64}[^/]*)$' |
  xargs -r sh -c 'find "$@" -perm -u=w -print -exec rm -f {} +' sh || failed=1
exit $failed
