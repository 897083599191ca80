import { applyFailure } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import type { ObjectDiff } from '../kubernetes/diff.js';
import type { ObjectReference } from '../kubernetes/objects.js';
import { serverSideApply } from '../kubernetes/server-side-apply.js';
import {
  isConfiguration,
  putBackAnnotation,
  putBackManager,
  readsAnnotation,
  type OutdatedWorkload,
} from './diff.js';
import { helmManager } from './release-objects.js';

/**
 * Makes the objects what helm made them, in helm's own name: it goes on owning their fields, so that its next upgrade
 * may change them or take them away. Helm itself would write a new revision for it, and leaves custom resources as they
 * are.
 * @throws TracewrightError `manifest.rejected`, `webhook.unavailable`, `cluster.unreachable`
 */
export async function putBack(
  kube: Kubernetes,
  changed: readonly ObjectDiff[],
  signal?: AbortSignal,
): Promise<void> {
  await Promise.all(
    changed.map(async ({ desired, reference }) => {
      try {
        // First: whoever is killed between the two must not forget who has to read it.
        if (isConfiguration(desired)) await notePutBack(kube, reference, signal);
        await serverSideApply(kube, desired, reference, { fieldManager: helmManager, signal });
      } catch (error) {
        throw applyFailure(error, reference);
      }
    }),
  );
}

async function notePutBack(
  kube: Kubernetes,
  reference: ObjectReference,
  signal: AbortSignal | undefined,
): Promise<void> {
  const annotations = { [putBackAnnotation]: new Date().toISOString() };
  await kube.json({
    method: 'PATCH',
    path: await kube.discovery.pathOf(reference, signal),
    query: { fieldManager: putBackManager },
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ metadata: { annotations } }),
    signal,
  });
}

/** Replaces the pods one after the other, as the workload does it for any change of its pods. */
export async function restartPods(
  kube: Kubernetes,
  workloads: readonly OutdatedWorkload[],
  signal?: AbortSignal,
): Promise<void> {
  for (const { reference, since } of workloads) {
    const annotations = { [readsAnnotation]: since };
    await kube.json({
      method: 'PATCH',
      path: await kube.discovery.pathOf(reference, signal),
      query: { fieldManager: putBackManager },
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ spec: { template: { metadata: { annotations } } } }),
      signal,
    });
  }
}
