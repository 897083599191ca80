import type { Deadline } from '../../domain/deadline.js';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { objectPath } from './discovery.js';
import { describe, type KubernetesObject, type ObjectReference } from './objects.js';
import { stuckFailure } from './stuck.js';
import { cancelled } from './transport.js';
import { watchCollection } from './watch.js';

export interface WaitGoneOptions {
  /** In milliseconds. @default 60000 */
  readonly timeoutMs?: number;
  /** Makes the time shorter where it ends earlier. */
  readonly deadline?: Deadline | undefined;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns when none of the objects exists any more. Asks nobody to delete them.
 * @throws TracewrightError `removal.stuck` that names the object and what holds it
 */
export async function waitUntilGone(
  kube: Kubernetes,
  references: readonly ObjectReference[],
  { timeoutMs = 60_000, deadline, onProgress, signal }: WaitGoneOptions = {},
): Promise<void> {
  const waitMs = deadline?.leftMs(timeoutMs) ?? timeoutMs;
  const left = new Set(references.map(describe));
  await Promise.all(
    references.map(async (reference) => {
      await oneGone(kube, reference, waitMs, signal);
      left.delete(describe(reference));
      const [first] = left;
      if (first !== undefined)
        onProgress?.(
          `waiting until ${first} is gone${left.size > 1 ? ` (and ${String(left.size - 1)} more)` : ''}`,
        );
    }),
  );
}

async function oneGone(
  kube: Kubernetes,
  reference: ObjectReference,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const resource = await kube.discovery.find(reference.apiVersion, reference.kind, signal);
  if (!resource) return;
  const { name, namespace } = reference;
  const path = objectPath(resource, { namespace });
  // Most are gone at once: a look is cheaper than a watch.
  if (!(await read(kube, objectPath(resource, { name, namespace }), signal))) return;
  await new Promise<void>((resolve, reject) => {
    const finish = (outcome: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      watch.stop();
      outcome();
    };
    const onAbort = (): void => {
      finish(() => {
        reject(cancelled());
      });
    };
    const timer = setTimeout(() => {
      const last = [...watch.items.values()][0];
      finish(() => {
        // Of a watch, which does not repeat in each object what it watches.
        const known = last && { ...last, apiVersion: reference.apiVersion, kind: reference.kind };
        void stuckFailure(kube, reference, known, timeoutMs).then(reject);
      });
    }, timeoutMs);
    const watch = watchCollection<KubernetesObject>(kube, {
      path,
      fieldSelector: `metadata.name=${name}`,
      onChange() {
        if (watch.failure) {
          const { failure } = watch;
          // The kind itself is gone: its CRD was deleted, and with it all objects.
          finish(
            isApiError(failure, 404)
              ? resolve
              : () => {
                  reject(failure);
                },
          );
        } else if (watch.synced && watch.items.size === 0) finish(resolve);
      },
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}

async function read(
  kube: Kubernetes,
  path: string,
  signal: AbortSignal | undefined,
): Promise<KubernetesObject | undefined> {
  try {
    return await kube.json<KubernetesObject>({ path, signal });
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}
