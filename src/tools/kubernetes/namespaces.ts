import { deadlineIn, type Deadline } from '../../domain/time-limits.js';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import type { KubernetesObject } from './objects.js';
import { labelsOf, ownershipOf, type Owner } from './ownership.js';
import { waitUntilGone } from './removal.js';

/** Whether the namespace was made now, was ours already, or is somebody else's (and stays as it is). */
export type NamespaceOutcome = 'created' | 'ours' | 'foreign';

/**
 * Makes sure that the namespace exists. One that is just being deleted is waited for and made again. A namespace that
 * exists without our label is used but never labelled, so that a teardown leaves it alone.
 * @throws TracewrightError `removal.stuck` when a namespace stays half deleted, `cluster.forbidden`,
 * `cluster.unreachable`
 */
export async function ensureNamespace(
  kube: Kubernetes,
  {
    name,
    owner,
    deadline = deadlineIn(300_000),
    signal,
  }: {
    name: string;
    owner: Owner;
    /** Of the wait for a namespace that is going. @default in 5 minutes */
    deadline?: Deadline | undefined;
    signal?: AbortSignal | undefined;
  },
): Promise<NamespaceOutcome> {
  const existing = await findNamespace(kube, name, signal);
  if (existing?.metadata.deletionTimestamp !== undefined) {
    const reference = { apiVersion: 'v1', kind: 'Namespace', name };
    await waitUntilGone(kube, [reference], { timeoutMs: Infinity, deadline, signal });
  } else if (existing) {
    return ownershipOf(existing.metadata, owner);
  }
  const labels = labelsOf({ environment: owner.environment });
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  try {
    await kube.json({
      method: 'POST',
      path: '/api/v1/namespaces',
      body,
      headers: { 'content-type': 'application/json' },
      signal,
    });
  } catch (error) {
    // Another component of ours, or a stranger, was quicker.
    if (!isApiError(error, 409)) throw error;
    const now = await findNamespace(kube, name, signal);
    if (!now) throw error;
    return ownershipOf(now.metadata, owner);
  }
  return 'created';
}

/** The namespace, or `undefined` when it does not exist. */
export async function findNamespace(
  kube: Kubernetes,
  name: string,
  signal?: AbortSignal,
): Promise<KubernetesObject | undefined> {
  try {
    return await kube.json<KubernetesObject>({ path: `/api/v1/namespaces/${name}`, signal });
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}
