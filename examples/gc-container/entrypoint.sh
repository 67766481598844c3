#!/bin/sh
# SPDX-License-Identifier: MIT
# A registry that removes old images and collects its garbage; or a round of that beside a registry elsewhere.
#
#   entrypoint.sh serve     runs the registry, a round every COLLECT_EVERY or daily at COLLECT_AT, and one on SIGUSR1
#   entrypoint.sh once      one round; STOP_COMMAND and START_COMMAND keep the registry from writing meanwhile
#   entrypoint.sh health    does the registry answer, and did the last round end well?
#
# README.md has the variables. Exit status of once, as that of regfs-gc: 0 done, 1 problems, 2 usage, 3 refused.
set -euf

: "${CONFIG:=/etc/docker/registry/config.yml}" "${URL:=}"
: "${COLLECT_EVERY:=}" "${COLLECT_AT=03:30}" "${COLLECT_WHILE:=readonly}" "${GC_OPTIONS:=}"
: "${PRUNE_FIND:=}" "${PROTECT:=}" "${PROTECT_FROM:=}" "${KEEP:=}" "${REGFS_OPTIONS:=}" "${JOURNAL:=/var/lib/regfs}"
: "${STOP_COMMAND:=}" "${START_COMMAND:=}" "${STOP_SECONDS:=60}" "${START_SECONDS:=60}" "${STATE:=/run/gc-container}"

# What no other file needs is said here: which registry this is, and who ends what.
registry=  # the pid of the registry, in serve
step=      # the pid of what is waited for
stopping=  # the signal that ends all this
collect=   # SIGUSR1 came

say() { printf 'gc: %s\n' "$*" >&2; }

usage() {
  say "$*"
  sed -n '5,7s/^# *//p' "$0" >&2
  exit 2
}

# Runs a command so that a signal reaches this shell, and by it the command, at once.
run() {
  [ -z "$stopping" ] || return 143
  "$@" &
  step=$!
  [ -z "$stopping" ] || kill -TERM "$step" 2>/dev/null || :
  while :; do
    status=0
    wait "$step" || status=$?
    running "$step" || break # else it was a signal to this shell that ended the waiting
  done
  if [ "$status" -gt 128 ]; then # or both at once: then the command's own status is still to be had
    late=0
    wait "$step" 2>/dev/null || late=$?
    [ "$late" = 127 ] || status=$late
  fi
  step=
  return "$status"
}

on_signal() {
  stopping=$1
  [ -z "$step" ] || kill -TERM "$step" 2>/dev/null || :
}

running() { kill -0 "$1" 2>/dev/null; }

answers() { curl --silent --insecure --max-time 5 --output /dev/null "$URL/v2/"; } # 401 is an answer

await_registry() {
  left=$((START_SECONDS * 10))
  until answers; do
    if [ -n "$stopping" ] || [ "$left" = 0 ] || ! running "$registry"; then return 1; fi
    left=$((left - 1))
    sleep 0.1
  done
  running "$registry" # it was not somebody else who answered
}

start_registry() {
  registry serve "$CONFIG" &
  registry=$!
  await_registry
}

# By the variable for the whole of it: that for its member `enabled` makes version 2 panic.
readonly_environment='REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled":true}'

start_registry_readonly() {
  env "$readonly_environment" registry serve "$CONFIG" &
  registry=$!
  await_registry
}

stop_registry() {
  [ -n "$registry" ] || return 0
  kill -TERM "$registry" 2>/dev/null || :
  left=$((STOP_SECONDS * 10))
  while running "$registry"; do
    [ "$left" -gt 0 ] || kill -KILL "$registry" 2>/dev/null || :
    left=$((left - 1))
    sleep 0.1
  done
  wait "$registry" 2>/dev/null || :
  registry=
}

# 90s 30m 24h 7d, or plain seconds.
seconds() {
  number=${1%[smhd]}
  case $number in '' | *[!0-9]*) usage "no time: $1" ;; esac
  case $1 in
  *m) echo $((number * 60)) ;;
  *h) echo $((number * 3600)) ;;
  *d) echo $((number * 86400)) ;;
  *) echo "$number" ;;
  esac
}

# Sets `next`, in seconds since 1970, or to nothing.
schedule() {
  next=
  if [ -n "$COLLECT_EVERY" ]; then
    next=$(($(date +%s) + every))
  elif [ -n "$COLLECT_AT" ]; then
    next=$(date -d "today $COLLECT_AT" +%s) || usage "no time of day: COLLECT_AT=$COLLECT_AT"
    [ "$next" -gt "$(date +%s)" ] || next=$(date -d "tomorrow $COLLECT_AT" +%s)
  fi
  [ -z "$next" ] || say "next round: $(date -d "@$next" '+%F %T %Z')"
}

due() { [ -n "$collect" ] || { [ -n "$next" ] && [ "$(date +%s)" -ge "$next" ]; }; }

serve() {
  : "${URL:=http://127.0.0.1:5000}"
  case $COLLECT_WHILE in
  readonly | stopped) ;;
  *) usage "COLLECT_WHILE is readonly or stopped, not $COLLECT_WHILE" ;;
  esac
  [ -z "$COLLECT_EVERY" ] || every=$(seconds "$COLLECT_EVERY")
  trap 'collect=yes' USR1
  trap 'unmount_registry; stop_registry' EXIT
  rm -f "$STATE/round"
  schedule
  start_registry || [ -n "$stopping" ] || { say "the registry does not answer at $URL"; exit 1; }
  while [ -z "$stopping" ]; do
    run sleep 1 || :
    [ -z "$stopping" ] || break
    running "$registry" || ended
    due || continue
    collect=
    round || :
    [ -n "$stopping" ] || running "$registry" || ended
    schedule
  done
  say "SIG$stopping: stopping the registry"
}

ended() {
  status=0
  wait "$registry" || status=$?
  registry=
  say "the registry ended, with status $status"
  [ "$status" != 0 ] || status=1
  exit "$status"
}

health() {
  [ ! -e "$STATE/round" ] || { echo 'a round is under way'; exit 0; }
  : "${URL:=http://127.0.0.1:5000}"
  answers || { echo "no answer from $URL"; exit 1; }
  [ -e "$STATE/last" ] || { echo 'no round yet'; exit 0; }
  cat "$STATE/last"
  grep -q '^ok' "$STATE/last"
}

once() {
  [ -n "$URL" ] || usage 'once needs URL, to see that nobody writes'
  trap 'unmount_registry; release || :' EXIT
  round || exit $?
}

# shellcheck source-path=SCRIPTDIR source=round.sh
. "${0%/*}/round.sh"

for signal in TERM INT HUP; do
  # shellcheck disable=SC2064 # the signal's name is meant now
  trap "on_signal $signal" "$signal"
done
mkdir -p "$STATE"
mode=${1:-serve}
case $mode in
serve) serve ;;
once) once ;;
health) health ;;
*) usage "what is $mode?" ;;
esac
