# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# One round: prune, keep the registry from writing, collect, check, let it write again, report. For entrypoint.sh.

# shellcheck disable=SC2154 # what entrypoint.sh sets
work='' mounted='' held=''

# ---- prune -----------------------------------------------------------------------------------------------------------

mount_options() {
  printf 'allow_delete,show=tags,journal=%s' "$JOURNAL"
  for glob in $(printf '%s' "$PROTECT" | tr , ' '); do printf ',protect=%s' "$glob"; done
  [ -z "$PROTECT_FROM" ] || printf ',protect_from=%s' "$PROTECT_FROM"
  [ -z "$KEEP" ] || printf ',keep=%s' "$KEEP"
  [ -z "$REGFS_OPTIONS" ] || printf ',%s' "$REGFS_OPTIONS"
}

# In the foreground, as a child: so its log is the container's, and its end can be waited for.
mount_registry() {
  mkdir -p "$work/mnt" "$JOURNAL"
  regfs -f "$URL" "$work/mnt" -o "$(mount_options)" &
  mounted=$!
  until mountpoint -q "$work/mnt"; do
    if [ -n "$stopping" ] || ! running "$mounted"; then return 1; fi
    sleep 0.1
  done
}

# Removals go on for a while after find: the platforms of an index follow it. So regfs is waited for.
unmount_registry() {
  [ -n "$mounted" ] || return 0
  kill -TERM "$mounted" 2>/dev/null || :
  while running "$mounted"; do
    wait "$mounted" 2>/dev/null || :
  done
  mounted=
  ! mountpoint -q "$work/mnt" || umount -l "$work/mnt"
}

# shellcheck disable=SC2086 # PRUNE_FIND is a list of words
find_old() {
  cd "$work/mnt" || exit
  exec find . -type f -path '*/_tags/*' \( $PRUNE_FIND \) \( -perm -u=w -delete -fprintf "$work/removed" '%P\n' \
    -o ! -perm -u=w -fprintf "$work/protected" '%P\n' \)
}

prune() {
  status=0
  if mount_registry; then
    run find_old || status=$?
  else
    say "the registry cannot be mounted, so nothing is removed"
    status=1
  fi
  unmount_registry
  return "$status"
}

# ---- collect ---------------------------------------------------------------------------------------------------------

# Nobody writes from here on, until release.
hold() {
  held=yes
  if [ "$mode" = once ]; then
    [ -z "$STOP_COMMAND" ] || run sh -c "$STOP_COMMAND"
  else
    stop_registry
    [ "$COLLECT_WHILE" = stopped ] || start_registry_readonly
  fi
}

release() {
  [ -n "$held" ] || return 0
  held=
  if [ "$mode" = once ]; then
    [ -z "$START_COMMAND" ] || sh -c "$START_COMMAND"
  else
    stop_registry
    [ -n "$stopping" ] || start_registry
  fi
}

# What regfs-gc shall know of the registry: what its environment is, where it can be tried, and, as it cannot see that
# from in here, that hold has stopped it. It asks URL all the same.
regfs_gc() {
  if [ "$mode" = once ]; then
    [ -z "$STOP_COMMAND" ] || set -- "$@" --stopped
    set -- "$@" --url "$URL"
  elif [ "$COLLECT_WHILE" = readonly ]; then
    exec env "$readonly_environment" regfs-gc "$@" --url "$URL"
  else
    set -- "$@" --stopped
  fi
  exec regfs-gc "$@"
}

# shellcheck disable=SC2086 # GC_OPTIONS is a list of words
collect() { run regfs_gc run --config "$CONFIG" --json $GC_OPTIONS >"$work/run.json"; }
check() { run regfs-gc check --config "$CONFIG" --json --quiet >"$work/check.json"; }

# ---- report ----------------------------------------------------------------------------------------------------------

count() { if [ -e "$1" ]; then grep -c '' "$1" || :; else echo 0; fi; }

json() { # FILE EXPRESSION
  value=$(jq -r "$2 // empty" "$1" 2>/dev/null) || :
  echo "${value:-?}"
}

bytes() { numfmt --to=iec-i --suffix=B "$1" 2>/dev/null || echo "$1"; }

report() {
  [ ! -e "$work/removed" ] || sed 's|^|gc: removed |; s|/_tags/|:|' "$work/removed"
  jq -r '.refused[]? | "gc: refused: " + .reason' "$work/run.json" 2>/dev/null || :
  jq -r '.problems[]? | "gc: problem: " + .text' "$work/check.json" 2>/dev/null || :
  line="removed $(count "$work/removed") tags, $(count "$work/protected") are protected;"
  line="$line freed $(bytes "$(json "$work/run.json" .freed.bytes)") in $(json "$work/run.json" .freed.count) blobs;"
  line="$line problems: $(json "$work/check.json" '.problems | length'); $(($(date +%s) - began)) s"
  if [ -z "$failed" ]; then line="ok: $line"; else line="not ok:$failed: $line"; fi
  printf 'gc: %s\n' "$line"
  printf '%s\n' "$line" >"$STATE/last.new" && mv "$STATE/last.new" "$STATE/last"
}

# ---- all of it -------------------------------------------------------------------------------------------------------

# The round's exit status is 1, unless it is regfs-gc that says more.
did_not() { # STATUS WHAT
  failed="$failed $2 ($1)"
  case "$2 $1" in
  'collect 2' | 'collect 3') result=$1 ;;
  *) [ "$result" != 0 ] || result=1 ;;
  esac
}

try() { # WHAT COMMAND...
  what=$1
  shift
  if "$@"; then return 0; else did_not $? "$what"; return 1; fi
}

round() {
  began=$(date +%s) failed='' result=0
  work=$(mktemp -d) || return 1
  : >"$STATE/round"
  say 'a round begins'
  [ -z "$PRUNE_FIND" ] || try prune prune || :
  if [ -z "$stopping" ]; then
    if try stop hold; then
      try collect collect || :
      [ -n "$stopping" ] || try check check || :
    fi
    try start release || :
  fi
  report
  rm -f "$STATE/round"
  # Should it still be mounted, rm -r would empty the registry.
  if [ ! -e "$work/mnt" ] || rmdir "$work/mnt"; then rm -rf "$work"; fi
  return "$result"
}
