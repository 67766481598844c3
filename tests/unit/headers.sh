#!/bin/sh
# SPDX-License-Identifier: MIT
# Every header of the client compiles alone. Usage: headers.sh CLIENT_DIRECTORY COMPILER...
set -u
client=$1
shift
status=0
for header in "$client"/*.h "$client"/storage/*.h "$client"/util/*.h; do
  "$@" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes -Werror -I "$client" \
    -fsyntax-only -x c -include "$header" /dev/null || { echo "$header does not compile alone"; status=1; }
done
# A user of the public one has none of our flags.
"$@" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c -include "$client/registry.h" /dev/null || status=1
if echo | "$@" -fsyntax-only -x c++ - 2>/dev/null; then
  "$@" -std=c++11 -Wall -Wextra -Werror -fsyntax-only -x c++ -include "$client/registry.h" /dev/null || status=1
fi
exit $status
