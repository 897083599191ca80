import type { Deadline } from '../../domain/deadline.js';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { objectPath } from './discovery.js';
import { describe, type ObjectReference } from './objects.js';
import { readObject } from './observe.js';
import { ownershipOf, type Owner } from './ownership.js';
import { waitUntilGone } from './wait-gone.js';

export interface DeleteOptions {
  readonly objects: readonly ObjectReference[];
  readonly owner: Owner;
  /** In milliseconds, until all are gone, their finalizers included. @default 120000 */
  readonly timeoutMs?: number;
  /** Makes the time shorter where it ends earlier. */
  readonly deadline?: Deadline | undefined;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DeletedObject {
  readonly reference: ObjectReference;
  /** `foreign`: it exists without our label and was left alone. */
  readonly outcome: 'deleted' | 'absent' | 'foreign';
}

/**
 * Deletes those of the objects that are ours, what hangs on them first, and returns when they are gone.
 * @throws TracewrightError `removal.stuck` that names object and finalizer, `cluster.unreachable`
 */
export async function deleteObjects(kube: Kubernetes, options: DeleteOptions): Promise<DeletedObject[]> {
  const { objects, owner, timeoutMs = 120_000, deadline, onProgress, signal } = options;
  const results = await Promise.all(
    objects.map(async (reference): Promise<DeletedObject> => {
      const existing = await readObject(kube, reference, signal);
      if (!existing) return { reference, outcome: 'absent' };
      if (ownershipOf(existing.metadata, owner) === 'foreign') return { reference, outcome: 'foreign' };
      onProgress?.(`deleting ${describe(reference)}`);
      return { reference, outcome: await deleteObject(kube, reference, existing.metadata.uid, signal) };
    }),
  );
  const deleted = results.filter(({ outcome }) => outcome === 'deleted').map(({ reference }) => reference);
  await waitUntilGone(kube, deleted, { timeoutMs, deadline, onProgress, signal });
  return results;
}

/** Asks for the deletion of that very object (not of a later one of the same name); does not wait. */
export async function deleteObject(
  kube: Kubernetes,
  reference: ObjectReference,
  uid: string | undefined,
  signal?: AbortSignal,
): Promise<'deleted' | 'absent'> {
  const resource = await kube.discovery.find(reference.apiVersion, reference.kind, signal);
  if (!resource) return 'absent';
  const body = { propagationPolicy: 'Foreground', ...(uid !== undefined && { preconditions: { uid } }) };
  try {
    await kube.json({
      method: 'DELETE',
      path: objectPath(resource, reference),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    return 'deleted';
  } catch (error) {
    // 409: the uid is another one by now, so the object that was meant is gone.
    if (isApiError(error, 404, 409)) return 'absent';
    throw error;
  }
}
