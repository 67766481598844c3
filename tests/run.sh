#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is needed, builds, and runs every test.
#
#     sh tests/run.sh [PART...]
#
# Parts: unit client e2e gc (on the plain build), asan tsan (units and end-to-end tests on a sanitizer's build), bench.
# Without one, all but bench. CI=true: warnings are errors, and a skipped test is a failed one.
set -eu

cd "$(dirname "$0")/.."
cache=${REGFS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/regfs-tests}
werror=
[ "${CI:-}" != true ] || werror=--werror
# Most tests wait, for a server or a deadline: so more of them run at a time than there are cores.
jobs=${REGFS_TEST_JOBS:-$(($(nproc) < 3 ? $(nproc) * 3 : 8))}
failed=
ahead=
nice=

step() { # NAME COMMAND...: runs it; a failure is remembered, and what does not depend on it still runs
	step=$1
	shift
	printf '\n== %s\n' "$step"
	"$@" && return
	failed="$failed $step,"
	return 1
}

# A Python that has pytest: Debian's, whatever else comes first in PATH.
python() {
	for candidate in /usr/bin/python3 python3; do
		if "$candidate" -c 'import pytest' 2>/dev/null; then
			"$candidate" "$@"
			return
		fi
	done
	echo "no python3 with pytest" >&2
	return 1
}

build() { # FOLDER OPTION...
	folder=$1
	shift
	if [ -d "$folder/meson-private" ]; then
		meson configure "$folder" "$@"
	else
		# shellcheck disable=SC2086 # nothing, or one word
		meson setup "$folder" $werror "$@" >/dev/null
	fi
	$nice meson compile -C "$folder" >"$folder/compile.out" 2>&1 || {
		tail -n 40 "$folder/compile.out"
		return 1
	}
}

units() { # FOLDER
	# A sanitizer and a busy machine make each of them many times slower than meson expects.
	meson test -C "$1" --no-rebuild --print-errorlogs --timeout-multiplier 10 || return 1
	[ "${CI:-}" != true ] || ! grep -h '"result": "SKIP"' "$1/meson-logs/testlog.json"
}

pytests() { # FOLDER ARGUMENT...
	folder=$1
	shift
	! python -c 'import xdist' 2>/dev/null || set -- -n "$jobs" "$@"
	(cd tests && REGFS_BUILD_DIR=$folder python -m pytest -q -rfEs --tb=short --durations=10 --durations-min=15 "$@")
}

alone() { # FOLDER ARGUMENT...
	(jobs=0 && pytests "$@" -m alone)
}

sanitized_build() { # asan|tsan
	case $1 in
	asan) sanitizers=address,undefined ;;
	tsan) sanitizers=thread ;;
	esac
	# An instrumented shared library may have undefined symbols: they are the sanitizer's, in the program.
	build "build-$1" -Db_sanitize="$sanitizers" -Db_lundef=false
}

# The sanitizers' builds, while the tests of the plain one wait for servers and deadlines.
build_ahead() { # PART...
	nice='nice -n 19'
	for part; do
		case $part in
		asan | tsan) sanitized_build "$part" ;;
		esac
	done
}

sanitized() { # asan|tsan PYTEST-ARGUMENT...
	kind=$1
	shift
	[ -z "$ahead" ] || wait "$ahead" || true
	ahead=
	step "$kind build" sanitized_build "$kind" || return 0
	step "$kind units" units "build-$kind" || true
	step "$kind pytest" pytests "build-$kind" "$@" || true
}

[ $# != 0 ] || set -- unit client e2e gc asan tsan
plain=
for part; do
	case $part in
	unit | client | e2e | gc | bench) plain=yes ;;
	asan | tsan) ;;
	*) sed -n '5,9s/^# \{0,1\}//p' tests/run.sh >&2 && exit 2 ;;
	esac
done

step install sh tests/install.sh || true
[ ! -s "$cache/zot.refused" ] || printf 'zot: not to be had here: %s\n' "$(cat "$cache/zot.refused")"
[ -z "$plain" ] || step build build build || {
	printf '\nfailed:%s\n' "$failed"
	exit 1
}
if [ -n "$plain" ]; then
	build_ahead "$@" >/dev/null 2>&1 &
	ahead=$!
fi
for part; do
	case $part in
	unit)
		step units units build || true
		step style pytests build style || true
		;;
	client | gc) step "$part" pytests build "$part" || true ;;
	e2e)
		step e2e pytests build e2e -m 'not alone' || true
		step "e2e alone" alone build e2e || true
		;;
	# What they look for does not depend on whose registry it is.
	asan) sanitized asan client e2e gc -m 'not huge and not thorough' -k 'not distribution-3 and not crane and not zot' ;;
	# regfs-gc has one thread.
	tsan) sanitized tsan client e2e -m 'not huge and not thorough' -k 'not distribution-3 and not crane and not zot' ;;
	bench) step bench meson test -C build --no-rebuild --benchmark --verbose || true ;;
	esac
done

if [ -n "$failed" ]; then
	printf '\nfailed:%s\n' "$failed"
	exit 1
fi
printf '\nall passed\n'
