import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { applyObjects } from '../../tools/kubernetes/apply.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import type { Condition, ObjectMeta, Pod } from '../../tools/kubernetes/objects.js';

/*
 * After a restart the API server still tells what was true before it: a Ready node, running pods. What is older than
 * the node's process is not believed.
 */

/** A Kubernetes node, as far as it is read here. */
export interface NodeObject {
  readonly metadata: ObjectMeta;
  readonly status?: {
    readonly conditions?: readonly (Condition & { readonly lastHeartbeatTime?: string })[];
    readonly nodeInfo?: { readonly kubeletVersion: string };
  };
}

/** Whether the kubelet that runs now has said Ready. `startedAt` in milliseconds since 1970. */
export function isNodeReady({ status }: NodeObject, startedAt: number): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && isSince(ready.lastHeartbeatTime, startedAt);
}

/** Whether the pod's status tells of containers that ended with an earlier run of the node. */
export function isStale({ status }: Pod, startedAt: number): boolean {
  const containers = status?.containerStatuses ?? [];
  return containers.some(
    ({ state }) => state?.running !== undefined && !isSince(state.running.startedAt, startedAt),
  );
}

/** Whether the pod is ready now, running `image`. */
export function isServing(pod: Pod, image: string, startedAt: number): boolean {
  if (pod.metadata.deletionTimestamp !== undefined || isStale(pod, startedAt)) return false;
  const isReady =
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return isReady && pod.spec.containers.some((container) => container.image === image);
}

/** Kubernetes cuts its times down to whole seconds. */
function isSince(time: string | undefined, startedAt: number): boolean {
  return time !== undefined && Date.parse(time) + 999 >= startedAt;
}

const manifest = new URL('../../../embedded/coredns.yaml', import.meta.url);
const namespace = 'kube-system';
/** Part of the cluster, not of any environment in it: no environment can have a name with a dot. */
const owner = { environment: 'embedded.cluster', component: 'dns' };

/** Applies the cluster DNS with the given image. May be repeated at any time. */
export async function applyDns(kube: Kubernetes, image: string, signal?: AbortSignal): Promise<void> {
  const documents = parseAllDocuments(await readFile(manifest, 'utf8'));
  const objects = documents.map((document) => document.toJS() as KubernetesObjectSpec);
  for (const object of objects) if (object.kind === 'Deployment') setImage(object, image);
  await applyObjects(kube, { objects, namespace, owner, adopt: true, signal });
}

function setImage(deployment: KubernetesObjectSpec, image: string): void {
  const { spec } = deployment as unknown as {
    spec: { template: { spec: { containers: { image: string }[] } } };
  };
  for (const container of spec.template.spec.containers) container.image = image;
}

/** Whether the pod is one of cluster DNS. */
export function isDnsPod({ metadata }: Pod): boolean {
  return metadata.namespace === namespace && metadata.labels?.['k8s-app'] === 'kube-dns';
}
