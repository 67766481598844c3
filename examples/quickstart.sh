#!/bin/sh
# SPDX-License-Identifier: MIT
# Shows regfs at work, from nothing: installs what the build needs, builds, starts a registry on this machine with
# sample images in it, mounts it at ./mnt and looks around.
#
#   sh examples/quickstart.sh         do all that; again: start afresh
#   sh examples/quickstart.sh stop    unmount, stop the registry, remove ./mnt and .quickstart
#
# Everything it makes is in ./mnt and .quickstart, except for the packages it installs. REGISTRY=PROGRAM names a
# distribution registry to use instead of the one that is found or fetched.
set -eu

cd "$(dirname "$0")/.."
top=$(pwd)
work=$top/.quickstart
pidfile=$work/registry.pid
step='starting'

say() { printf '%s\n' "quickstart: $*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# /proc/mounts writes a space as \040.
mounted() { grep -qF " $(printf '%s' "$top/mnt" | sed 's/ /\\040/g') fuse.regfs " /proc/mounts; }

# True while the process in the pid file is the registry that was started here.
registry_runs() {
  [ -s "$pidfile" ] && { tr '\0' '\n' <"/proc/$(cat "$pidfile")/cmdline" | grep -qxF "$work/registry.yml"; } 2>/dev/null
}

wait_for() { # SECONDS COMMAND...
  tries=$(($1 * 10))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.1
  done
}

# Somebody may have mounted there again, over the first one.
unmount() {
  while mounted; do
    if [ "$(id -u)" = 0 ]; then umount "$top/mnt"; else fusermount3 -u "$top/mnt"; fi ||
      die "cannot unmount ./mnt; is a program or a shell still in it?"
  done
}

registry_gone() { ! registry_runs; }

stop_registry() {
  ! registry_runs && return
  kill "$(cat "$pidfile")"
  wait_for 10 registry_gone || die "the registry, process $(cat "$pidfile"), does not end"
}

stop() {
  unmount
  stop_registry
  rm -rf "$work"
  [ ! -d mnt ] || rmdir mnt
}

explain_failure() {
  status=$?
  [ $status = 0 ] || say "failed while $step; 'sh examples/quickstart.sh stop' removes what is there so far"
  exit $status
}

build() {
  [ -f "$work/build/build.ninja" ] || meson setup "$work/build" "$top" >"$work/build.log" 2>&1 ||
    die "meson setup failed, see .quickstart/build.log"
  meson compile -C "$work/build" regfs regfs-undelete regfs-gc >>"$work/build.log" 2>&1 || die "the build failed, see .quickstart/build.log"
}

# Sets REGISTRY. Debian's and Ubuntu's package would start a service, so there its files are only unpacked.
find_registry() {
  [ -z "${REGISTRY:-}" ] || return 0
  for REGISTRY in docker-registry registry "$work/registry/usr/bin/docker-registry"; do
    have "$REGISTRY" && return
  done
  have apt-get || die "please install a distribution registry (Fedora: docker-distribution, Alpine: docker-registry)," \
    "or name one: REGISTRY=PROGRAM sh examples/quickstart.sh"
  mkdir -p "$work/registry"
  (cd "$work/registry" && apt-get -o "APT::Sandbox::User=$(id -un)" download -q docker-registry &&
    dpkg-deb -x docker-registry_*.deb .) >&2 ||
    die "cannot fetch the package docker-registry; does 'apt-get update' work?"
}

registry_answers_or_ended() {
  curl -fs -o /dev/null "http://127.0.0.1:$port/v2/" || ! kill -0 "$(cat "$pidfile")" 2>/dev/null
}

# The port that the README speaks of, or any if somebody has that.
free_port() {
  python3 - <<'PYTHON'
import socket
for port in 5000, 0:
    try:
        with socket.create_server(("127.0.0.1", port)) as s:
            print(s.getsockname()[1])
            break
    except OSError:
        pass
PYTHON
}

start_registry() {
  port=$(free_port)
  rm -rf "$work/storage"
  cat >"$work/registry.yml" <<YML
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: "$work/storage"}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$port"}
YML
  # That one is podman's; a registry would take it for a setting, and not start.
  env -u REGISTRY_AUTH_FILE "$REGISTRY" serve "$work/registry.yml" >"$work/registry.log" 2>&1 </dev/null &
  echo $! >"$pidfile"
  { wait_for 15 registry_answers_or_ended && registry_runs; } || die "the registry does not run, see .quickstart/registry.log"
}

show() {
  printf '\n$ %s\n' "$1"
  sh -c "$1"
}

start() {
  trap explain_failure EXIT
  # No proxy is asked for what is on this machine.
  no_proxy=localhost,127.0.0.1,${no_proxy:-${NO_PROXY:-}}
  export no_proxy
  step='installing packages'
  sh examples/packages.sh
  [ -c /dev/fuse ] || die "there is no /dev/fuse: load the module (modprobe fuse), or start the container with" \
    "--device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined"
  step='clearing away what an earlier run left'
  unmount
  stop_registry
  mkdir -p "$work" mnt

  step='building'
  say 'building (.quickstart/build.log)'
  build
  step='starting a registry'
  find_registry
  say "starting a registry ($REGISTRY) with sample images"
  start_registry
  step='pushing the sample images'
  python3 examples/sample-images.py "http://127.0.0.1:$port"
  step='mounting'
  PATH=$work/build/fs:$work/build/client:$PATH
  export PATH
  show "regfs http://localhost:$port mnt"

  step='looking at the mount'
  show 'ls -l mnt/shop/web/_tags'
  show "find mnt -path '*/_tags/*' -mtime +30"
  show "jq -r '.manifests[].platform | .os + \"/\" + .architecture' mnt/shop/web/_tags/latest"
  show 'jq -c .config.Labels mnt/shop/web/_configs/latest'
  show 'find mnt/base/_tags -samefile mnt/base/_tags/latest'
  printf '\n'
  say "mounted at ./mnt: look around. For the commands of the README:"
  say "    PATH=\$PWD/.quickstart/build/fs:\$PWD/.quickstart/build/client:\$PATH"
  [ "$port" = 5000 ] || say "    and http://localhost:$port in the place of http://localhost:5000"
  say "'sh examples/quickstart.sh' again brings all images back, 'sh examples/quickstart.sh stop' removes everything."
}

case ${1:-start} in
start) start ;;
stop) stop ;;
*) say 'usage: sh examples/quickstart.sh [stop]'; exit 2 ;;
esac
