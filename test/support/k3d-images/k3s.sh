#!/bin/bash
# Stands in for the program k3s in a container of k3d: keeps its contract (arguments that name a server, variables,
# files, words in the log) around the embedded cluster's own node program.
set -eu

say() { echo "time=\"$(date -u +%FT%TZ)\" level=$1 msg=\"$2\""; }

[ "${1:-}" = server ] || { say fatal "this image has a server only, not: ${1:-}"; exit 1; }
folder=/var/lib/rancher/k3s/node
manifests=/var/lib/rancher/k3s/server/manifests

say info "Starting k3s with the programs of $(cat /embedded/version)"
mkdir -p "$folder" "$manifests"
ln -sfn /build/bin "$folder/bin" # as it is seen inside
sed "s/@NAME@/$HOSTNAME/" /embedded/node.json >"$folder/node.json"
rm -f "$folder/status.json"
report=$(/embedded/bin/node start "$folder") || { say fatal "${report//\"/\'}"; exit 1; }
node=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' <<<"$report")
[ -n "$node" ] || { say fatal "${report//\"/\'}"; exit 1; }

ended() { kill -TERM "$node" 2>/dev/null || true; }
trap ended TERM INT

until grep -q '"apiReady": true' "$folder/status.json" 2>/dev/null; do
  kill -0 "$node" 2>/dev/null || { say fatal "the node has ended"; exit 1; }
  sleep 0.2
done

# What comes to the container goes on to the node, which has a network of its own.
server=$(sed -n 's|.*"server": "https://\([^:"]*\).*|\1|p' "$folder/status.json")
echo 1 >/proc/sys/net/ipv4/ip_forward
for link in /proc/sys/net/ipv4/conf/twr*; do echo 1 >"$link/forwarding"; done
iptables -t nat -A PREROUTING -i eth0 -p tcp -j DNAT --to-destination "$server"
iptables -t nat -A POSTROUTING -o twr+ -j MASQUERADE

mkdir -p "$(dirname "$KUBECONFIG")" "$(dirname "${K3S_KUBECONFIG_OUTPUT:-$KUBECONFIG}")"
cp "$folder/kubeconfig" "$KUBECONFIG"
[ -z "${K3S_KUBECONFIG_OUTPUT:-}" ] || cp "$folder/kubeconfig" "$K3S_KUBECONFIG_OUTPUT"
say info "k3s is up and running"

cp /embedded/coredns.yaml "$manifests/coredns.yaml"
until kubectl apply -f "$manifests/coredns.yaml" >/dev/null 2>&1; do
  kill -0 "$node" 2>/dev/null || exit 1
  sleep 0.5
done
say info "Cluster dns configmap has been set successfully"

while kill -0 "$node" 2>/dev/null; do
  sleep 1 &
  wait $! || true
done
say info "Stopped"
