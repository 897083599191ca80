#!/bin/sh
# Makes the namespace and the search attributes of Tracewright. May be repeated.
# The address comes from TEMPORAL_ADDRESS, the namespace from TEMPORAL_NAMESPACE, which the CLI reads itself.
set -eu
: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}" "${RETENTION:?}"

# The port answers before the server takes such requests.
attempts=60
until temporal operator cluster health >/dev/null 2>&1; do
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "The Temporal server at $TEMPORAL_ADDRESS did not become healthy." >&2
    exit 1
  fi
  sleep 1
done

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# A new namespace is known to the whole server only after its cache was read again. What exists is left alone.
set -- TracewrightEnvironment TracewrightStack TracewrightTarget TracewrightPhase
attempts=30
until temporal operator search-attribute list >/dev/null 2>&1; do
  attempts=$((attempts - 1))
  if [ "$attempts" -eq 0 ]; then
    echo "The namespace $TEMPORAL_NAMESPACE did not become usable." >&2
    exit 1
  fi
  sleep 1
done
known="$(temporal operator search-attribute list)"
for name in "$@"; do
  case "$known" in
    *"$name "*) ;;
    *) temporal operator search-attribute create --name "$name" --type Keyword ;;
  esac
done
echo "The namespace $TEMPORAL_NAMESPACE is ready."
