#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes the images that were created more than DAYS days ago.
#
#   sh older-than.sh DIRECTORY DAYS     DIRECTORY: a mount with -o allow_delete, or a folder in it
#
# Mounted with -o show=tags it costs least. What is protected stays, and is not tried.
set -eu
[ $# = 2 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

CDPATH='' cd -- "$1"
# -delete, not rm: what is removed is what find has seen, though somebody may push meanwhile.
find . -type f -path '*/_tags/*' -mtime "+$2" -perm -u=w -delete -print
