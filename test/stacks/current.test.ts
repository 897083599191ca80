import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { planOf } from '../../src/domain/plan.js';
import type { Stack } from '../../src/domain/stack.js';
import { loadStack } from '../../src/stack-file.js';

const builtInDir = join(import.meta.dirname, '..', '..', 'stacks');

let current: Stack;
let tutorial: Stack;
beforeAll(async () => {
  ({ stack: current } = await loadStack('current', { builtInDir }));
  ({ stack: tutorial } = await loadStack('tutorial', { builtInDir }));
});

test('gives what the tutorial gives: the same steps, releases and namespaces', () => {
  const shape = (stack: Stack): unknown => ({
    plan: planOf(stack).map(({ name, needs }) => ({ name, needs })),
    places: Object.entries(stack.components).map(
      ([name, { release, manifests }]) =>
        `${String(release?.namespace ?? manifests?.namespace)}/${release?.name ?? name}`,
    ),
    objects: Object.values(stack.components).map(({ manifests }) =>
      manifests?.objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`),
    ),
    ready: Object.values(stack.components).map(({ ready }) => ready.filter((check) => 'rollout' in check)),
    proof: { ...stack.proof, tempo: stack.proof.tempo.service },
  });
  expect(shape(current)).toEqual(shape(tutorial));
});

test("Tempo's port is the same wherever it is named", () => {
  const { tempo, 'prometheus-stack': prometheus } = current.components;
  expect(current.proof.tempo.port).toBe(3200);
  expect(tempo?.ready).toContainEqual({
    http: { service: 'tempo', port: 3200, path: '/ready', contains: 'ready' },
  });
  expect(prometheus?.release?.values).toMatchObject({
    grafana: { additionalDataSources: [{ name: 'Tempo', url: 'http://tempo.tracing:3200' }] },
  });
});

test('nothing is left of what has gone since the tutorial', () => {
  const text = JSON.stringify(current);
  for (const gone of [
    'traceqlEditor',
    'installCRDs',
    'v1alpha1',
    'logging',
    'JAEGER_ENDPOINT',
    'kubeRBACProxy',
  ])
    expect(text).not.toContain(gone);
});

test('every receiver of the collector listens where others reach it', () => {
  const spec = current.components['collector']?.manifests?.objects[0]?.['spec'] as {
    config: { receivers: Record<string, { protocols: Record<string, { endpoint: string }> }> };
  };
  const endpoints = Object.values(spec.config.receivers).flatMap(({ protocols }) =>
    Object.values(protocols).map(({ endpoint }) => endpoint),
  );
  expect(endpoints).toHaveLength(6);
  for (const endpoint of endpoints) expect(endpoint).toMatch(/^0\.0\.0\.0:\d+$/u);
});
