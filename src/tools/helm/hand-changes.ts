import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { isApiError } from '../kubernetes/api-error.js';
import { referencesOf } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { observeDrift } from '../kubernetes/drift.js';
import { parseManifests } from '../kubernetes/manifests.js';
import { describe, type ObjectReference } from '../kubernetes/objects.js';
import { readObject } from '../kubernetes/observe.js';
import { outdatedWorkloads, type OutdatedWorkload } from './outdated-workloads.js';
import type { ReleaseRecord } from './release-record.js';

/** What became of the objects of a release since helm made them. */
export interface HandChanges {
  readonly gone: readonly ObjectReference[];
  readonly changed: readonly ChangedObject[];
  readonly outdated: readonly OutdatedWorkload[];
}

export interface ChangedObject {
  /** As helm made it. */
  readonly object: KubernetesObjectSpec;
  readonly reference: ObjectReference;
  /** `StatefulSet tracing/tempo differs in spec.replicas`; never values. */
  readonly text: string;
}

/** They may go by themselves when they have ended. */
const passing = 'Job';

/** Operators write into these, whatever the chart has: certificates, and when a webhook counts. */
const writtenByOthers = [
  'CustomResourceDefinition',
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
];

/**
 * What somebody has deleted or changed by hand. Hooks come and go and are none of it; nor are fields that the chart does
 * not mention, what nobody can change any more, and what we may not look at. Changes nothing.
 * @throws TracewrightError `cluster.unreachable`
 */
export async function handChanges(
  kube: Kubernetes,
  { manifest, namespace }: ReleaseRecord,
  signal?: AbortSignal,
): Promise<HandChanges> {
  const objects = lastingObjects(manifest);
  const references = await referencesOf(kube, objects, namespace, signal);
  const find = async (object: KubernetesObjectSpec, reference: ObjectReference): Promise<Found[]> => {
    if (writtenByOthers.includes(object.kind))
      return (await readObject(kube, reference, signal)) ? [] : [{ reference, gone: true }];
    const [drift] = await observeDrift(kube, [object], namespace, signal);
    if (drift?.state === 'missing') return [{ reference, gone: true }];
    return drift?.state === 'different' ? [{ reference, gone: false, object, text: drift.text }] : [];
  };
  const [found, outdated] = await Promise.all([
    Promise.all(
      objects.map((object, index) => visible(() => find(object, references[index] as ObjectReference))),
    ),
    visible(() => outdatedWorkloads(kube, objects, namespace, signal)),
  ]);
  return {
    gone: found.flat().flatMap((it) => (it.gone ? [it.reference] : [])),
    changed: found.flat().filter((it) => !it.gone),
    outdated,
  };
}

type Found =
  { readonly gone: true; readonly reference: ObjectReference } | (ChangedObject & { readonly gone: false });

/** Of the same, only who still has to read what was put back. */
export async function unreadChanges(
  kube: Kubernetes,
  { manifest, namespace }: ReleaseRecord,
  signal?: AbortSignal,
): Promise<HandChanges> {
  const objects = lastingObjects(manifest);
  const outdated = await visible(() => outdatedWorkloads(kube, objects, namespace, signal));
  return { gone: [], changed: [], outdated };
}

function lastingObjects(manifest: string): KubernetesObjectSpec[] {
  return parseManifests(manifest).filter(({ kind }) => kind !== passing);
}

/** In words, as `ObservedRelease` has them. */
export function inWords({ gone, changed, outdated }: HandChanges): {
  readonly gone: readonly string[];
  readonly changed: readonly string[];
  readonly outdated: readonly string[];
} {
  return {
    gone: gone.map(describe),
    changed: changed.map(({ text }) => text),
    outdated: outdated.map(({ reference }) => describe(reference)),
  };
}

/** What may not be looked at is taken for what it should be. */
async function visible<T>(look: () => Promise<T[]>): Promise<T[]> {
  try {
    return await look();
  } catch (error) {
    if (isApiError(error, 403)) return [];
    throw error;
  }
}
