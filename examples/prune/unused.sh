#!/bin/sh
# SPDX-License-Identifier: MIT
# Removes the images that no cluster uses and that are older than DAYS days. It mounts the registry for that.
#
#   sh unused.sh SOURCE DAYS [CONTEXT...]     SOURCE: as for regfs; CONTEXT: of kubectl, by default the current one
#
# In use is what runs, and what deployments and jobs that do not run just now would start. An image for several
# platforms is in use if one of them is. A cluster that cannot be asked, or that uses nothing, ends this before anything
# is removed.
set -eu
[ $# -ge 2 ] || { sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
source=$1 days=$2
shift 2
if [ $# = 0 ]; then
  current=$(kubectl config current-context)
  set -- "$current"
fi

work=$(mktemp -d)
mkdir "$work/mnt"
unmount() { umount "$work/mnt" 2>/dev/null || fusermount3 -u "$work/mnt"; }
# Never rm -r: should it still be mounted, that would empty the registry.
trap 'unmount 2>/dev/null || :; rm -f "$work/used"; rmdir "$work/mnt" "$work"' EXIT
trap 'exit 1' HUP INT TERM
for context; do
  kubectl --context "$context" get pods,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs -A -o jsonpath='
    {..containers[*].image} {..initContainers[*].image} {..ephemeralContainers[*].image} {..imageID}' >>"$work/used"
done
regfs "$source" "$work/mnt" -o "allow_delete,show=tags,protect_from=$work/used"
(cd "$work/mnt" && find . -type f -path '*/_tags/*' -mtime "+$days" -perm -u=w -delete -print)
