import { applyFailure } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { objectPath } from '../kubernetes/discovery.js';
import { serverSideApply } from '../kubernetes/server-side-apply.js';
import type { ChangedObject } from './hand-changes.js';
import { putBackManager, readsAnnotation, type OutdatedWorkload } from './outdated-workloads.js';

/**
 * Makes the objects what helm made them. Helm itself would write a new revision for it, and leaves custom resources as
 * they are.
 * @throws TracewrightError `manifest.rejected`, `webhook.unavailable`, `cluster.unreachable`
 */
export async function putBack(
  kube: Kubernetes,
  changed: readonly ChangedObject[],
  signal?: AbortSignal,
): Promise<void> {
  await Promise.all(
    changed.map(({ object, reference }) =>
      serverSideApply(kube, object, reference, { fieldManager: putBackManager, signal }).catch(
        (error: unknown) => {
          throw applyFailure(error, reference);
        },
      ),
    ),
  );
}

/** Replaces the pods one after the other, as the workload does it for any change of its pods. */
export async function restartPods(
  kube: Kubernetes,
  workloads: readonly OutdatedWorkload[],
  signal?: AbortSignal,
): Promise<void> {
  for (const { reference, since } of workloads) {
    const resource = await kube.discovery.resource(reference.apiVersion, reference.kind, signal);
    const annotations = { [readsAnnotation]: since };
    await kube.json({
      method: 'PATCH',
      path: objectPath(resource, reference),
      query: { fieldManager: putBackManager },
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ spec: { template: { metadata: { annotations } } } }),
      signal,
    });
  }
}
