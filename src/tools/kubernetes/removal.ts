import { deadlineIn, type Deadline } from '../../domain/time-limits.js';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { definitionKind, instancesOf } from './definitions.js';
import { objectPath } from './discovery.js';
import { describe, type KubernetesObject, type ObjectReference } from './objects.js';
import { readObject } from './observe.js';
import { ownershipOf, type Owner } from './ownership.js';
import { stuckFailure } from './stuck.js';
import { waitFor } from './wait-for.js';

export interface RemovalOptions {
  /** Until all are gone, their finalizers included, in milliseconds. @default 120000 */
  readonly timeoutMs?: number | undefined;
  /** Makes the time shorter where it ends earlier. */
  readonly deadline?: Deadline | undefined;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One very object, not a later one of the same name. */
export type ExactReference = ObjectReference & { readonly uid?: string | undefined };

/** What stays, and why, for people. */
export interface Kept {
  readonly name: string;
  readonly reason: string;
}

/** By name. */
export interface RemovalResult {
  readonly deleted: readonly string[];
  readonly kept: readonly Kept[];
}

/**
 * Deletes these very objects, what hangs on them first, and returns when they are gone.
 * @throws TracewrightError `removal.stuck` that names object and finalizer, `cluster.unreachable`
 */
export async function removeObjects(
  kube: Kubernetes,
  objects: readonly ExactReference[],
  options: RemovalOptions = {},
): Promise<void> {
  await Promise.all(objects.map((object) => requestDeletion(kube, object, options.signal)));
  await waitUntilGone(kube, objects, options);
}

/**
 * Deletes those of the objects that are ours, and returns when they are gone.
 * @returns how many were deleted; others are absent, or not ours
 * @throws as `removeObjects`
 */
export async function removeOwnObjects(
  kube: Kubernetes,
  references: readonly ObjectReference[],
  owner: Owner,
  options: RemovalOptions = {},
): Promise<number> {
  const found = await Promise.all(
    references.map(async (reference): Promise<ExactReference[]> => {
      const existing = await readObject(kube, reference, options.signal);
      if (!existing || ownershipOf(existing.metadata, owner) === 'foreign') return [];
      options.onProgress?.(`deleting ${describe(reference)}`);
      return [{ ...reference, uid: existing.metadata.uid }];
    }),
  );
  await removeObjects(kube, found.flat(), options);
  return found.flat().length;
}

/**
 * Deletes CustomResourceDefinitions, which must be ours, when no object of their kind is left: a definition takes all
 * its objects with it, those of others included.
 * @throws as `removeObjects`
 */
export async function removeDefinitions(
  kube: Kubernetes,
  names: readonly string[],
  options: RemovalOptions = {},
): Promise<RemovalResult> {
  const { signal } = options;
  const found = await Promise.all(
    names.map(async (name) => {
      const definition = await readObject(kube, { ...definitionKind, name }, signal);
      const objects = definition ? await instancesOf(kube, definition, { limit: 5, signal }) : [];
      return { name, definition, objects };
    }),
  );
  const free = found.filter(({ definition, objects }) => definition && objects.length === 0);
  await removeObjects(
    kube,
    free.map(({ name, definition }) => ({ ...definitionKind, name, uid: definition?.metadata.uid })),
    options,
  );
  const kept = found
    .filter(({ objects }) => objects.length > 0)
    .map(({ name, objects }) => ({ name, reason: `objects of its kind remain: ${listed(objects)}` }));
  return { deleted: free.map(({ name }) => name), kept };
}

function listed(objects: readonly KubernetesObject[]): string {
  return objects
    .map(({ metadata: { name, namespace } }) => (namespace === undefined ? name : `${namespace}/${name}`))
    .join(', ');
}

/** Asks for the deletion of this very object, what hangs on it first; does not wait for it. */
export async function requestDeletion(
  kube: Kubernetes,
  { uid, ...reference }: ExactReference,
  signal?: AbortSignal,
): Promise<void> {
  const resource = await kube.discovery.find(reference.apiVersion, reference.kind, signal);
  if (!resource) return;
  const body = { propagationPolicy: 'Foreground', ...(uid !== undefined && { preconditions: { uid } }) };
  try {
    await kube.json({
      method: 'DELETE',
      path: objectPath(resource, reference),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    // 409: the uid is another one by now, so the object that was meant is gone.
    if (!isApiError(error, 404, 409)) throw error;
  }
}

/**
 * Returns when none of the objects exists any more. Asks nobody to delete them.
 * @throws TracewrightError `removal.stuck` that names the object and what holds it
 */
export async function waitUntilGone(
  kube: Kubernetes,
  references: readonly ExactReference[],
  { timeoutMs = 120_000, deadline, onProgress, signal }: RemovalOptions = {},
): Promise<void> {
  const waitMs = deadline?.leftMs(timeoutMs) ?? timeoutMs;
  const left = new Set(references.map(describe));
  await Promise.all(
    references.map(async (reference) => {
      await oneGone(kube, reference, waitMs, signal);
      left.delete(describe(reference));
      const [first] = left;
      const more = left.size > 1 ? ` (and ${String(left.size - 1)} more)` : '';
      if (first !== undefined) onProgress?.(`waiting until ${first} is gone${more}`);
    }),
  );
}

async function oneGone(
  kube: Kubernetes,
  reference: ExactReference,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const resource = await kube.discovery.find(reference.apiVersion, reference.kind, signal);
  if (!resource) return;
  const { apiVersion, kind, name, namespace, uid } = reference;
  // One that came meanwhile under the same name is not waited for.
  const isMeant = ({ metadata }: KubernetesObject): boolean => uid === undefined || metadata.uid === uid;
  // Most are gone at once: a read is cheaper than a watch.
  const now = await readObject(kube, reference, signal);
  if (!now || !isMeant(now)) return;
  const collection = { path: objectPath(resource, { namespace }), fieldSelector: `metadata.name=${name}` };
  try {
    const { held, items } = await waitFor<KubernetesObject>(
      kube,
      collection,
      (found) => ![...found.values()].some(isMeant),
      { deadline: deadlineIn(waitMs), signal },
    );
    if (held) return;
    const [last] = items.values();
    // Of a watch, which does not repeat in each object what it watches.
    throw await stuckFailure(kube, reference, last && { ...last, apiVersion, kind }, waitMs);
  } catch (error) {
    // The kind itself is gone: its CRD was deleted, and with it all objects.
    if (!isApiError(error, 404)) throw error;
  }
}
