import type { ManifestsSpec } from '../../domain/stack.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { observeDrift } from '../../tools/kubernetes/drift.js';
import type { HopFacts } from './facts.js';
import { unlessUnknown } from './reader.js';

/** What of the objects that `up` applies is gone or no longer as it was applied. Those of charts are helm's. */
export async function readChanges(
  cluster: Kubernetes,
  manifests: readonly ManifestsSpec[],
  signal: AbortSignal,
): Promise<HopFacts['changes']> {
  const found = await Promise.all(
    manifests.map(({ objects, namespace }) =>
      unlessUnknown(() => observeDrift(cluster, objects, namespace, signal)),
    ),
  );
  return found.flatMap((drifts) =>
    (drifts ?? []).map(({ reference, text }) => ({ namespace: reference.namespace, text })),
  );
}
