#!/bin/bash
# Stands in for k3d's tools image, as far as it is used when a cluster is made: it stays, for others to execute in it.
[ "${1:-}" = noop ] || { echo "unknown command: ${1:-}" >&2; exit 1; }
exec sleep infinity
