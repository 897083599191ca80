import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { planOf } from '../../src/domain/plan.js';
import type { Stack } from '../../src/domain/stack.js';
import { loadStack } from '../../src/stack-file.js';
import {
  collectorConfigOfTheTutorial,
  hotrodOfTheTutorial,
  prometheusValuesOfTheTutorial,
} from './tutorial.js';

let stack: Stack;
beforeAll(async () => {
  ({ stack } = await loadStack('tutorial', { builtInDir: join(import.meta.dirname, '..', '..', 'stacks') }));
});

test('only what really needs something waits for it', () => {
  const needs = Object.fromEntries(planOf(stack).map((step) => [step.name, step.needs.slice(1)]));
  expect(needs).toMatchObject({ tempo: [], 'prometheus-stack': [], 'cert-manager': [], hotrod: [] });
  expect(needs).toMatchObject({ operator: ['cert-manager'], collector: ['operator'] });
  expect(Object.keys(needs)).toHaveLength(8);
});

test('k3d as the tutorial creates it', () => {
  expect(stack.targets).toEqual(['k3d', 'embedded', 'kubeconfig']);
  expect(stack.k3d).toMatchObject({
    apiPort: 6443,
    ports: ['8080:80@loadbalancer', '8443:443@loadbalancer'],
  });
  expect(stack.k3d?.image).toMatch(/^rancher\/k3s:v1\.25\./u);
});

test('releases, pinned', () => {
  const releases = Object.entries(stack.components).flatMap(([name, { release }]) =>
    release ? [[`${release.namespace}/${release.name ?? name}`, release.chart]] : [],
  );
  expect(Object.fromEntries(releases)).toEqual({
    'tracing/tempo': {
      repository: 'https://grafana.github.io/helm-charts',
      name: 'tempo',
      version: '1.0.0',
    },
    'monitoring/kube-stack-prometheus': {
      repository: 'https://prometheus-community.github.io/helm-charts',
      name: 'kube-prometheus-stack',
      version: '45.4.0',
    },
    'cert-manager/cert-manager': {
      repository: 'https://charts.jetstack.io',
      name: 'cert-manager',
      version: 'v1.10.1',
    },
    'otel-system/opentelemetry-operator': {
      repository: 'https://open-telemetry.github.io/opentelemetry-helm-charts',
      name: 'opentelemetry-operator',
      version: '0.24.0',
    },
  });
});

test('values, word for word, but for the proxy whose image is gone', () => {
  const values = (component: string): unknown => stack.components[component]?.release?.values;
  expect(values('tempo')).toEqual({});
  expect(values('prometheus-stack')).toEqual(prometheusValuesOfTheTutorial);
  expect(values('cert-manager')).toEqual({
    installCRDs: true,
    featureGates: 'StableCertificateRequestName=true',
  });
  expect(values('operator')).toEqual({
    kubeRBACProxy: { image: { repository: 'quay.io/brancz/kube-rbac-proxy' } },
  });
});

test('the collector and HotROD, word for word, but for the tag of the image', () => {
  const { collector, hotrod } = stack.components;
  expect(collector?.manifests).toEqual({
    namespace: 'otel-system',
    objects: [
      {
        apiVersion: 'opentelemetry.io/v1alpha1',
        kind: 'OpenTelemetryCollector',
        metadata: { name: 'otel-collector' },
        spec: { mode: 'deployment', config: collectorConfigOfTheTutorial },
      },
    ],
  });
  const text = JSON.stringify(hotrod?.manifests);
  expect(JSON.parse(text.replace('example-hotrod:1.42.0', 'example-hotrod:latest'))).toEqual({
    namespace: 'default',
    objects: hotrodOfTheTutorial,
  });
});

test('the proof, through Grafana too', () => {
  const { ride, traceql, grafana, expect: expected } = stack.proof;
  expect(traceql).toBe('{ span.http.status_code >= 200 && span.http.status_code < 300 }');
  expect(ride).toMatchObject({ customer: 123, customerName: "Rachel's Floral Designs" });
  expect(expected).toEqual({ spans: 35, services: ['frontend', 'customer', 'driver', 'route'] });
  expect(grafana).toEqual({
    namespace: 'monitoring',
    service: 'kube-stack-prometheus-grafana',
    port: 80,
    datasource: 'Tempo',
    anonymous: true,
    secret: {
      name: 'kube-stack-prometheus-grafana',
      userKey: 'admin-user',
      passwordKey: 'admin-password',
    },
  });
});
