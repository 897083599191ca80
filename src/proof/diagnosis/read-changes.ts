import type { ManifestsSpec } from '../../domain/stack.js';
import type { ReleaseRef } from '../../domain/step-tasks.js';
import { handChanges } from '../../tools/helm/hand-changes.js';
import { observeRelease } from '../../tools/helm/release-record.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { observeDrift } from '../../tools/kubernetes/drift.js';
import { describe } from '../../tools/kubernetes/objects.js';
import type { HopFacts, ObjectChange } from './facts.js';
import { unlessUnknown } from './reader.js';

export interface StackParts {
  readonly manifests: readonly ManifestsSpec[];
  readonly releases: readonly ReleaseRef[];
}

/** What of all that `up` brings about is gone or no longer as it was made: what it would put back. */
export async function readChanges(
  cluster: Kubernetes,
  { manifests, releases }: StackParts,
  signal: AbortSignal,
): Promise<HopFacts['changes']> {
  const found = await Promise.all([
    ...manifests.map((it) => unlessUnknown(() => changesOfManifests(cluster, it, signal))),
    ...releases.map((it) => unlessUnknown(() => changesOfRelease(cluster, it, signal))),
  ]);
  return found.flatMap((changes) => changes ?? []);
}

async function changesOfManifests(
  cluster: Kubernetes,
  { objects, namespace }: ManifestsSpec,
  signal: AbortSignal,
): Promise<ObjectChange[]> {
  const drifts = await observeDrift(cluster, objects, namespace, signal);
  return drifts.map(({ reference, text }) => ({ namespace: reference.namespace, text }));
}

async function changesOfRelease(
  cluster: Kubernetes,
  release: ReleaseRef,
  signal: AbortSignal,
): Promise<ObjectChange[]> {
  const record = await observeRelease(cluster, release, signal);
  if (!record) return [];
  const { gone, changed } = await handChanges(cluster, record, signal);
  return [
    ...gone.map((reference) => ({ namespace: reference.namespace, text: `${describe(reference)} is gone` })),
    ...changed.map(({ reference, text }) => ({ namespace: reference.namespace, text })),
  ];
}
