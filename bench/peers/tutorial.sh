#!/usr/bin/env bash
# The tutorial's commands in its order, with the waits of a careful person: every part is ready before the next begins.
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

install tracing trace-store trace-store trace-store
ready tracing statefulset/trace-store

install monitoring kube-stack-prometheus kube-prometheus-stack prometheus-stack
ready monitoring deployment/kube-stack-prometheus-kube-operator \
  statefulset/prometheus-kube-stack-prometheus-kube-prometheus

install cert-manager cert-manager cert-manager cert-manager
ready cert-manager deployment/cert-manager deployment/cert-manager-cainjector deployment/cert-manager-webhook

install otel-system opentelemetry-operator opentelemetry-operator operator
ready otel-system deployment/opentelemetry-operator

# A ready pod is not yet a webhook that answers: whoever types this in tries again.
for _ in $(seq 60); do
  kubectl apply --namespace otel-system --filename manifests/collector.yaml && break
  sleep 1
done
ready otel-system deployment/otel-collector-collector

kubectl apply --namespace default --filename manifests/hotrod.yaml
ready default deployment/example-hotrod
