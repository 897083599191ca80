import { describe, expect, it } from 'vitest';
import { TracewrightError } from '../../../../src/domain/failure.js';
import type { Kubernetes } from '../../../../src/tools/kubernetes/connection.js';
import { troubleFailure } from '../../../../src/tools/kubernetes/ready/failures.js';

const forbidden = new TracewrightError({ type: 'cluster.forbidden', message: 'nodes', remedy: 'none' });

/** A stand-in for a cluster: it has these nodes, by their taints, or nobody may look at them. */
function clusterWith(...taints: readonly (readonly string[])[]): Kubernetes {
  const items = taints.map((keys, index) => ({
    metadata: { name: `node-${String(index)}` },
    spec: { taints: keys.map((key) => ({ key, effect: 'NoSchedule' })) },
  }));
  return { json: () => Promise.resolve({ items }) } as unknown as Kubernetes;
}

const closed = { json: () => Promise.reject(forbidden) } as unknown as Kubernetes;

async function isRetried(kube: Kubernetes, reason: string): Promise<boolean> {
  const pod = { metadata: { name: 'pod', namespace: 'default' }, spec: { containers: [] } };
  const failure = await troubleFailure(kube, pod, { type: 'ready.unschedulable', reason, patienceMs: 0 });
  expect(failure.type).toBe('ready.unschedulable');
  return failure.retryable;
}

describe('a pod that no node takes', () => {
  const taintedOnce =
    '0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate';
  const taintedTwice = '0/2 nodes are available: 2 node(s) had untolerated taint(s).';
  const short = '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}.';

  it('is tried again while a node is coming back, and when one has come back since the scheduler looked', async () => {
    expect(await isRetried(clusterWith(['node.kubernetes.io/not-ready']), taintedOnce)).toBe(true);
    expect(await isRetried(clusterWith([]), taintedOnce)).toBe(true);
    expect(await isRetried(clusterWith(['dedicated'], []), taintedTwice)).toBe(true);
  });

  it('is not tried again where its nodes are too small, or keep it away by a taint that stays', async () => {
    expect(await isRetried(clusterWith([]), '0/1 nodes are available: 1 Insufficient memory.')).toBe(false);
    expect(await isRetried(clusterWith(['dedicated']), taintedOnce)).toBe(false);
    expect(await isRetried(clusterWith(['dedicated'], []), short)).toBe(false);
  });

  it('is not tried again where nobody may look at the nodes', async () => {
    expect(await isRetried(closed, taintedOnce)).toBe(false);
  });
});
