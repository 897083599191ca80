#!/usr/bin/env bash
# Helm side by side, as far as the parts do not need each other: one background job for each chain of needs.
set -euo pipefail

# Helm may look for definitions that it has just made before the API server serves them: try again, as a person does.
install() { # namespace, release, chart, component
  for _ in 1 2 3; do
    helm upgrade --install --create-namespace --namespace "$1" "$2" "charts/$3" --values "values/$4.yaml" && return
    sleep 1
  done
  return 1
}

ready() { # namespace, workloads
  local namespace=$1 workload
  for workload in "${@:2}"; do
    kubectl --namespace "$namespace" wait --for=create "$workload" --timeout 5m
    kubectl --namespace "$namespace" rollout status "$workload" --timeout 5m
  done
}

trace_store() {
  install tracing trace-store trace-store trace-store
  ready tracing statefulset/trace-store
}

prometheus_stack() {
  install monitoring kube-stack-prometheus kube-prometheus-stack prometheus-stack
  ready monitoring deployment/kube-stack-prometheus-kube-operator \
    statefulset/prometheus-kube-stack-prometheus-kube-prometheus
}

collector_and_its_needs() {
  install cert-manager cert-manager cert-manager cert-manager
  ready cert-manager deployment/cert-manager deployment/cert-manager-cainjector deployment/cert-manager-webhook
  install otel-system opentelemetry-operator opentelemetry-operator operator
  ready otel-system deployment/opentelemetry-operator
  # A ready pod is not yet a webhook that answers.
  for _ in $(seq 120); do
    kubectl apply --namespace otel-system --filename manifests/collector.yaml && break
    sleep 0.5
  done
  ready otel-system deployment/otel-collector-collector
}

hotrod() {
  kubectl apply --namespace default --filename manifests/hotrod.yaml
  ready default deployment/example-hotrod
}

jobs=()
for job in collector_and_its_needs trace_store prometheus_stack hotrod; do
  "$job" &
  jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=1; done
exit "$failed"
