#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library exports what registry.h marks REG_API, and nothing else. Usage: exports.sh LIBRARY HEADER
set -eu
want=$(mktemp)
have=$(mktemp)
trap 'rm -f "$want" "$have"' EXIT
sed '/^#/d' "$2" | tr '\n' ' ' | grep -o 'REG_API[^;]*;' | sed 's/^[^(]*__((.*))//; s/^\([^(]*\)(.*/\1/; s/.*[ *]//' |
  sort > "$want"
# What a sanitizer or the linker adds does not count.
nm -D --defined-only "$1" | awk '$2 ~ /^[TDBRVW]$/ && $3 !~ /^(_init|_fini|__|_edata|_end)/ { print $3 }' | sort > "$have"
test -s "$want"
diff -u "$want" "$have"
