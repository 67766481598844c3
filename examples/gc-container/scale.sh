#!/bin/sh
# SPDX-License-Identifier: MIT
# Scales a deployment of this pod's namespace. To 0: waits until its last pod is gone. For STOP_COMMAND and
# START_COMMAND in Kubernetes; it asks the API as the pod's service account, so it needs no kubectl.
#
#   scale.sh DEPLOYMENT REPLICAS [SECONDS]
set -eu
[ $# -ge 2 ] || { sed -n '6s/^# *//p' "$0" >&2; exit 2; }
name=$1 replicas=$2 seconds=${3:-300}

account=${SERVICE_ACCOUNT:-/var/run/secrets/kubernetes.io/serviceaccount}
host=$KUBERNETES_SERVICE_HOST
case $host in *:*) host=[$host] ;; esac
space=https://$host:$KUBERNETES_SERVICE_PORT
namespace=$(cat "$account/namespace")
scale=$space/apis/apps/v1/namespaces/$namespace/deployments/$name/scale

# The token comes by standard input: a command line can be read by others.
ask() {
  printf 'header = "Authorization: Bearer %s"\n' "$(cat "$account/token")" |
    curl --config - --silent --show-error --fail --max-time 30 --cacert "$account/ca.crt" "$@"
}

answer=$(ask --request PATCH --header 'Content-Type: application/merge-patch+json' \
  --data "{\"spec\":{\"replicas\":$replicas}}" "$scale")
[ "$replicas" = 0 ] || exit 0
selector=$(printf '%s' "$answer" | jq -er .status.selector)

end=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt "$end" ]; do
  # The count leaves out pods that are ending; they still write. So these are asked for by themselves.
  pods=$(ask --get --data-urlencode "labelSelector=$selector" "$space/api/v1/namespaces/$namespace/pods" |
    jq -er '.items | length')
  count=$(ask "$scale" | jq -er '.status.replicas // 0')
  [ "$pods" != 0 ] || [ "$count" != 0 ] || exit 0
  sleep 1
done
echo "scale: $name still has pods after $seconds seconds" >&2
exit 1
