import { TracewrightError } from '../../domain/failure.js';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { objectPath } from './discovery.js';
import { describe, type Condition, type KubernetesObject, type ObjectReference } from './objects.js';
import { cancelled } from './transport.js';
import { watchCollection } from './watch.js';

export interface WaitGoneOptions {
  /** In milliseconds. @default 60000 */
  readonly timeoutMs?: number;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns when none of the objects exists any more. Asks nobody to delete them.
 * @throws TracewrightError `removal.stuck` that names each object and the finalizers that hold it
 */
export async function waitUntilGone(
  kube: Kubernetes,
  references: readonly ObjectReference[],
  { timeoutMs = 60_000, onProgress, signal }: WaitGoneOptions = {},
): Promise<void> {
  const left = new Set(references.map(describe));
  await Promise.all(
    references.map(async (reference) => {
      await oneGone(kube, reference, timeoutMs, signal);
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
        reject(stuck(reference, last, timeoutMs));
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

function stuck(
  reference: ObjectReference,
  last: KubernetesObject | undefined,
  timeoutMs: number,
): TracewrightError {
  const finalizers =
    last?.metadata.finalizers ?? (last?.spec as { finalizers?: string[] } | undefined)?.finalizers ?? [];
  const conditions = (last?.status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
  const held =
    finalizers.length > 0 ? `its finalizers are not done: ${finalizers.join(', ')}` : 'nothing tells why';
  const undeleted = last?.metadata.deletionTimestamp === undefined ? ' It was not even asked to go.' : '';
  return new TracewrightError({
    type: 'removal.stuck',
    message: `${describe(reference)} is still there after ${String(Math.round(timeoutMs / 1000))} s: ${held}.${undeleted}`,
    remedy:
      'The controller that must do the finalizer is gone or cannot reach the API server: bring it back, or remove the finalizer.',
    evidence: conditions
      .filter(({ status }) => status === 'True')
      .map(({ type, message }) => `${type}: ${message ?? ''}`),
  });
}
