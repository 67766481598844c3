#!/bin/sh
# SPDX-License-Identifier: MIT
# Shows repositories, then the tags of those that were chosen, and removes the tags that are chosen then.
#
#   sh pick.sh DIRECTORY                DIRECTORY: a mount with -o allow_delete, or a folder in it
#
# Needs fzf, whiptail or dialog. In fzf, Tab marks, Enter takes; in the others, Space marks.
set -eu
[ $# = 1 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

program=$(command -v fzf || command -v whiptail || command -v dialog) || {
  echo 'fzf, whiptail or dialog is needed' >&2
  exit 1
}

choose() { # TITLE: of the lines on standard input, name and date, the names that somebody chooses
  case $program in
  */fzf) fzf --multi --header "$1" | cut -d ' ' -f 1 ;;
  *)
    set -- --separate-output --title "$1" --checklist '' 0 0 0
    while read -r name date; do set -- "$@" "$name" "$date" off; done
    "$program" "$@" 3>&1 1>&2 2>&3 3>&- <&4
    ;;
  esac
}

exec 4<&0 # the terminal
CDPATH='' cd -- "$1"
repositories=$(find . -type d -name '_*' -prune -name _tags | sed 's,/_tags$,,; s,^\./,,' | sort)
repositories=$(printf '%s\n' "$repositories" | choose 'Which repositories?')
# Newest first; what is protected is not offered. No name in a mount has a space or another odd character in it.
tags=$(for repository in $repositories; do
  # shellcheck disable=SC2011 # see above
  (cd "$repository/_tags" && ls -t | xargs -r sh -c 'find "$@" -perm -u=w -exec stat -c "%n %y" {} +' sh) |
    sed "s,^\([^ ]* [^ ]*\).*,$repository:\1,"
done)
[ -n "$tags" ] || {
  echo 'there is nothing that may go' >&2
  exit 1
}
tags=$(printf '%s\n' "$tags" | choose 'Which tags are to be removed?')
[ -n "$tags" ] || exit 1

printf '%s\n' "$tags"
printf 'Remove these? [y/N] ' >&2
read -r answer <&4
[ "$answer" = y ] || exit 1
printf '%s\n' "$tags" | sed 's,:,/_tags/,' | xargs -r rm -f
