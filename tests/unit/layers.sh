#!/bin/sh
# SPDX-License-Identifier: MIT
# Dependencies point one way (design.md, 6). Usage: layers.sh PROJECT_DIRECTORY
set -u
cd "$1" || exit 1
status=0
# refuse WHY PATTERN FILE...
refuse() {
  why=$1
  pattern=$2
  shift 2
  if grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$@" /dev/null; then
    echo "refused: $why"
    status=1
  fi
}
c_files() { find "$@" -name '*.[ch]'; }
refuse 'the client knows no FUSE and nothing of fs/' 'fuse|fs/|\.\./fs/' $(c_files client)
refuse 'the file system uses the client, not curl, cJSON or OpenSSL' 'curl/|cjson/|cJSON|openssl/' $(c_files fs)
refuse 'only json.c includes cJSON' 'cjson/|cJSON' $(c_files client | grep -v '^client/json\.c$')
refuse 'util/ knows nothing of registries' 'registry\.h|\.\./' $(c_files client/util)
exit $status
