import { isApiError } from '../api-error.js';
import type { Kubernetes } from '../connection.js';
import type { Pod } from '../objects.js';
import { readObject } from '../observe.js';
import { requestDeletion } from '../removal.js';
import type { PodTrouble } from './pods.js';

export interface FoundTrouble {
  readonly pod: Pod;
  readonly trouble: PodTrouble;
}

/** When nothing is due, look again after this long, in milliseconds. */
const idleMs = 5_000;
const deploymentRevision = 'deployment.kubernetes.io/revision';
const statefulSetRevision = 'controller-revision-hash';

/** Remembers since when each trouble lasts, and tells which have outlasted our patience. */
export function createTroubleClock(now: () => number = Date.now): {
  /** `undefined`: the cluster has not been read yet. */
  look: (found: readonly FoundTrouble[] | undefined) => { due: FoundTrouble[]; nextMs: number };
} {
  const since = new Map<string, number>();
  /** Restarts at the first look: after a retry a container must crash once more, for the cause may be mended. */
  let restartsBefore: Map<string, number> | undefined;
  return {
    look(found) {
      if (!found) return { due: [], nextMs: idleMs };
      const keys = found.map(keyOf);
      restartsBefore ??= new Map(found.map((one, index) => [keys[index] ?? '', one.trouble.restarts ?? 0]));
      for (const key of since.keys()) if (!keys.includes(key)) since.delete(key);
      const due: FoundTrouble[] = [];
      let nextMs = idleMs;
      for (const [index, one] of found.entries()) {
        const key = keys[index] ?? '';
        const before = restartsBefore.get(key);
        if (before !== undefined && one.trouble.restarts !== undefined && one.trouble.restarts <= before)
          continue;
        const start = since.get(key) ?? now();
        since.set(key, start);
        const leftMs = start + one.trouble.patienceMs - now();
        if (leftMs <= 0) due.push(one);
        else nextMs = Math.min(nextMs, leftMs);
      }
      return { due, nextMs };
    },
  };
}

function keyOf({ pod, trouble }: FoundTrouble): string {
  return [pod.metadata.uid ?? pod.metadata.name, trouble.type, trouble.container].join(' ');
}

/**
 * Whether the pod is of an old version, so that its trouble is history. A Deployment is about to replace it anyway; a
 * StatefulSet waits for ever for an old pod that does not get ready (kubernetes/kubernetes#67250), until somebody
 * deletes it: this does, and leaves it to the caller's failure where that is forbidden.
 */
export async function isOutdated(kube: Kubernetes, pod: Pod, signal?: AbortSignal): Promise<boolean> {
  const statefulSet = await ownerOf(kube, pod, 'StatefulSet');
  if (statefulSet) {
    const { updateRevision } = (statefulSet['status'] ?? {}) as { readonly updateRevision?: string };
    const isOld =
      updateRevision !== undefined && pod.metadata.labels?.[statefulSetRevision] !== updateRevision;
    return isOld && (await deleteExactly(kube, pod, signal));
  }
  const replicaSet = await ownerOf(kube, pod, 'ReplicaSet');
  const deployment = replicaSet && (await ownerOf(kube, replicaSet, 'Deployment'));
  if (!deployment) return false;
  return (
    replicaSet.metadata.annotations?.[deploymentRevision] !==
    deployment.metadata.annotations?.[deploymentRevision]
  );
}

/** `false`: that is forbidden. */
async function deleteExactly(kube: Kubernetes, { metadata }: Pod, signal?: AbortSignal): Promise<boolean> {
  const { name, namespace, uid } = metadata;
  try {
    await requestDeletion(kube, { apiVersion: 'v1', kind: 'Pod', name, namespace, uid }, signal);
    return true;
  } catch (error) {
    if (isApiError(error, 403)) return false;
    throw error;
  }
}

async function ownerOf(
  kube: Kubernetes,
  { metadata }: Pick<Pod, 'metadata'>,
  kind: string,
): ReturnType<typeof readObject> {
  const owner = metadata.ownerReferences?.find((reference) => reference.kind === kind);
  return (
    owner &&
    readObject(kube, { apiVersion: 'apps/v1', kind, name: owner.name, namespace: metadata.namespace })
  );
}
