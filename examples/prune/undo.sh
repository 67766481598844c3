#!/bin/sh
# SPDX-License-Identifier: MIT
# Puts back what was removed since WHEN, after showing it and asking.
#
#   sh undo.sh WHEN [REPOSITORY[:TAG]...]     WHEN: 2h, 7d, 2026-11-20, 2026-11-20T08:15:00Z
#
# It works until the registry's garbage collection has run. What cannot be put back is named, with the reason.
set -eu
[ $# -ge 1 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
when=$1
shift

regfs-undelete --dry-run --since "$when" "$@" || [ $? = 1 ] # what is lost is named; the rest can be put back
printf 'Put this back? [y/N] ' >&2
read -r answer
[ "$answer" = y ] || exit 1
regfs-undelete --since "$when" "$@"
