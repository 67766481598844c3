#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes the tags whose REPOSITORY:TAG matches a regular expression (grep -E), except those that match another.
#
#   sh by-pattern.sh DIRECTORY PATTERN [EXCEPT]   DIRECTORY: a mount with -o allow_delete, or a folder in it
#
# For example: by-pattern.sh /mnt/reg '^team/.*:(pr|feature)-' ':pr-(17|23)$'. Names are those below DIRECTORY.
set -eu
[ $# = 2 ] || [ $# = 3 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

CDPATH='' cd -- "$1"
failed=0
tags=$(find . -type f -path '*/_tags/*') || failed=1
printf '%s\n' "$tags" | sed 's,/_tags/,:,; s,^\./,,' | grep -E -e "$2" | grep -Ev -e "${3:-^$}" | sed 's,:,/_tags/,' |
  xargs -r sh -c 'find "$@" -perm -u=w -print -exec rm -f {} +' sh || failed=1
exit $failed
