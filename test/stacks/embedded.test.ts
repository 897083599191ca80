import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { planOf } from '../../src/domain/plan.js';
import type { Stack } from '../../src/domain/stack.js';
import { loadStack } from '../../src/stack-file.js';
import { hotrodOfTheTutorial, collectorConfigOfTheTutorial } from './tutorial.js';

let stack: Stack;
beforeAll(async () => {
  ({ stack } = await loadStack('embedded', { builtInDir: join(import.meta.dirname, '..', '..', 'stacks') }));
});

function objects(component: string) {
  return stack.components[component]?.manifests?.objects ?? [];
}

test('only what really needs something waits for it', () => {
  const needs = Object.fromEntries(planOf(stack).map((step) => [step.name, step.needs]));
  expect(needs).toEqual({
    cluster: [],
    'trace-store': ['cluster'],
    'prometheus-stack': ['cluster'],
    'cert-manager': ['cluster'],
    operator: ['cluster', 'cert-manager'],
    collector: ['cluster', 'operator'],
    hotrod: ['cluster'],
    verification: ['trace-store', 'prometheus-stack', 'cert-manager', 'operator', 'collector', 'hotrod'],
  });
});

describe('what the tutorial gives', () => {
  test('release names and namespaces', () => {
    const releases = Object.entries(stack.components).flatMap(([name, { release }]) =>
      release ? [`${release.namespace}/${release.name ?? name}`] : [],
    );
    expect(releases).toEqual([
      'tracing/trace-store',
      'monitoring/kube-stack-prometheus',
      'cert-manager/cert-manager',
      'otel-system/opentelemetry-operator',
    ]);
  });

  test('the collector, word for word', () => {
    expect(stack.components['collector']?.manifests?.namespace).toBe('otel-system');
    expect(objects('collector')).toEqual([
      {
        apiVersion: 'opentelemetry.io/v1alpha1',
        kind: 'OpenTelemetryCollector',
        metadata: { name: 'otel-collector' },
        spec: { mode: 'deployment', config: collectorConfigOfTheTutorial },
      },
    ]);
  });

  test('HotROD, but for the tag of its image and how often it sends spans', () => {
    expect(stack.components['hotrod']?.manifests?.namespace).toBe('default');
    const text = JSON.stringify(objects('hotrod'));
    const departures = {
      'example-hotrod:1.42.0': 'example-hotrod:latest',
      ',{"name":"OTEL_BSP_SCHEDULE_DELAY","value":"200"}': '',
    };
    const asInTheTutorial = Object.entries(departures).reduce((result, [ours, theirs]) => {
      expect(result).toContain(ours);
      return result.replace(ours, theirs);
    }, text);
    expect(JSON.parse(asInTheTutorial)).toEqual(hotrodOfTheTutorial);
  });

  test('values', () => {
    expect(stack.components['prometheus-stack']?.release?.values).toMatchObject({
      prometheus: {
        prometheusSpec: {
          serviceMonitorSelectorNilUsesHelmValues: false,
          podMonitorSelectorNilUsesHelmValues: false,
          ruleSelectorNilUsesHelmValues: false,
          probeSelectorNilUsesHelmValues: false,
        },
      },
    });
    expect(stack.components['cert-manager']?.release?.values).toMatchObject({ installCRDs: true });
  });

  test('the proof', () => {
    expect(stack.proof.traceql).toBe('{ span.http.status_code >= 200 && span.http.status_code < 300 }');
    expect(stack.proof.ride).toMatchObject({ customer: 123, customerName: "Rachel's Floral Designs" });
    expect(stack.proof.expect).toEqual({ spans: 35, services: ['frontend', 'customer', 'driver', 'route'] });
    expect(stack.proof.grafana).toHaveProperty('skip');
  });
});
