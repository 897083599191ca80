import { expect, it } from 'vitest';
import type { KubernetesObjectSpec } from '../../src/domain/stack.js';
import { missingKinds } from '../../src/preview/missing-kinds.js';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { parseManifests } from '../../src/tools/kubernetes/manifests.js';
import { definition } from '../support/chart.js';
import { tutorialShapedStack } from '../support/stack.js';

const group = 'monitoring.example.dev';
const monitor = { apiVersion: `${group}/v1`, kind: 'Monitor', metadata: { name: 'app' } };
const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'app' } };
const definitions = parseManifests(definition('monitors', 'Monitor', group));

/** A cluster that serves only what every cluster does. */
const cluster = {
  discovery: {
    find: (apiVersion: string) =>
      Promise.resolve(!apiVersion.startsWith(group) ? { root: '', name: '', namespaced: true } : undefined),
  },
} as unknown as Kubernetes;

/** Of two releases side by side. */
const missing = (
  sent: Record<string, readonly KubernetesObjectSpec[]>,
  { appNeeds = [], kube }: { appNeeds?: string[]; kube?: Kubernetes } = {},
) => {
  const whole = tutorialShapedStack();
  const release = { namespace: 'x', chart: { path: 'x' }, values: {} };
  const component = (needs: string[]) => ({ release, needs, ready: [], timeout: '1m' });
  const components = {
    between: component(['monitoring']),
    monitoring: component([]),
    app: component(appNeeds),
  };
  return missingKinds({ ...whole, components }, sent, kube, undefined);
};

it.each([undefined, cluster])('names the component that brings a kind and is not needed', async (kube) => {
  const found = await missing({ app: [config, monitor], monitoring: definitions }, kube && { kube });
  expect(found).toMatchObject({
    app: {
      type: 'manifest.unknown-kind',
      message: expect.stringContaining('Monitor') as string,
      remedy: expect.stringContaining('needs: [monitoring]') as string,
    },
  });
});

it('has nothing to say when it is needed, directly or by another', async () => {
  for (const appNeeds of [['monitoring'], ['between']])
    expect(await missing({ app: [monitor], monitoring: definitions }, { appNeeds, kube: cluster })).toEqual(
      {},
    );
  expect(await missing({ app: [...definitions, monitor] }, { kube: cluster })).toEqual({});
});

it('names a kind that nobody brings, unless an operator among the needs may bring it', async () => {
  expect(await missing({ app: [monitor] }, { kube: cluster })).toMatchObject({
    app: { type: 'manifest.unknown-kind' },
  });
  expect(await missing({ app: [monitor] }, { kube: cluster, appNeeds: ['monitoring'] })).toEqual({});
  // A cluster that is yet to be made may have it.
  expect(await missing({ app: [monitor] })).toEqual({});
});
