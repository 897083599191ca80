import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson } from '../../src/domain/release.js';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { type ApiResource, listApiResources, objectPath } from '../../src/tools/kubernetes/discovery.js';
import { describe, type KubernetesObject, type ObjectList } from '../../src/tools/kubernetes/objects.js';

/** What of an object is compared. */
export interface ObjectFacts {
  readonly uid: string;
  /** Changes with every write, of whoever it is. */
  readonly resourceVersion: string;
  /** Of what somebody wrote: without status, counters and notes of the server. */
  readonly digest: string;
}

/** All objects of all kinds of a cluster, by `apps/Deployment tracing/tempo`. */
export interface ClusterSnapshot {
  readonly kinds: number;
  readonly objects: ReadonlyMap<string, ObjectFacts>;
}

/** Kinds of which nothing is compared, and why. */
export const passingKinds: Readonly<Record<string, string>> = {
  Event: 'tells of the past, of what is gone as well; the cluster drops it after an hour',
};

/** Kinds of which only the existence is compared, and why. */
export const movingKinds: Readonly<Record<string, string>> = {
  Lease: 'whoever holds it renews it every few seconds',
  Endpoints: 'follows the pods behind its Service',
  EndpointSlice: 'follows the pods behind its Service',
  Node: 'its kubelet writes what the node has and holds',
};

export const statusReason = 'status of all kinds: what controllers report, not what somebody wrote';

/** Looks at every object of every kind that the cluster has, in all namespaces. */
export async function snapshotCluster(kube: Kubernetes): Promise<ClusterSnapshot> {
  const { resources, silent } = await listApiResources(kube);
  if (silent.length > 0) throw new Error(`These do not answer, so nothing can be said: ${silent.join(', ')}`);
  const compared = resources.filter(({ kind }) => !(kind in passingKinds));
  const lists = await Promise.all(compared.map((resource) => objectsOf(kube, resource)));
  return { kinds: compared.length, objects: new Map(lists.flat()) };
}

async function objectsOf(kube: Kubernetes, resource: ApiResource): Promise<[string, ObjectFacts][]> {
  const { apiVersion, kind } = resource;
  const { items } = await kube.json<ObjectList<KubernetesObject>>({ path: objectPath(resource, {}) });
  const group = apiVersion.includes('/') ? `${apiVersion.split('/')[0] ?? ''}/` : '';
  return (items ?? []).map((item) => {
    const { uid = '', resourceVersion = '' } = item.metadata;
    const digest = kind in movingKinds ? '' : digestOf(item);
    return [`${group}${describe({ ...item, apiVersion, kind })}`, { uid, resourceVersion, digest }];
  });
}

function digestOf({ metadata, status: _, ...rest }: KubernetesObject): string {
  const { resourceVersion: __, generation: ___, managedFields: ____, ...written } = metadata;
  return createHash('sha256')
    .update(canonicalJson({ ...rest, metadata: written }))
    .digest('hex');
}

/** In milliseconds: how long nothing may change until a cluster counts as still, and Kubernetes has to tidy up. */
const [stillMs, tidyMs] = [5_000, 60_000];

/** A snapshot once nothing changes any more: what controllers make of an object, or of a new cluster, comes a moment later. */
export async function snapshotWhenStill(kube: Kubernetes): Promise<ClusterSnapshot> {
  for (let last = await snapshotCluster(kube); ;) {
    await sleep(stillMs);
    const now = await snapshotCluster(kube);
    if (clusterDifferences(last, now).length === 0) return now;
    last = now;
  }
}

/**
 * A snapshot as soon as it is as `before`, and after a minute in any case: Kubernetes itself collects what it made of what is
 * gone, such as the API services of definitions.
 */
export async function snapshotWhenAsBefore(
  kube: Kubernetes,
  before: ClusterSnapshot,
): Promise<ClusterSnapshot> {
  for (const deadline = Date.now() + tidyMs; ;) {
    const now = await snapshotCluster(kube);
    if (clusterDifferences(before, now).length === 0 || Date.now() >= deadline) return now;
    await sleep(1_000);
  }
}

/** What is in one snapshot and not in the other, or is another object, or reads otherwise; each in words. */
export function clusterDifferences(before: ClusterSnapshot, after: ClusterSnapshot): string[] {
  const added = [...after.objects.keys()].filter((name) => !before.objects.has(name));
  return [
    ...added.map((name) => `${name} is left`),
    ...[...before.objects].flatMap(([name, was]) => {
      const is = after.objects.get(name);
      if (!is) return [`${name} is gone`];
      if (is.uid !== was.uid) return [`${name} is another object than before`];
      return is.digest === was.digest ? [] : [`${name} reads otherwise`];
    }),
  ];
}

/** Those of the objects that anybody has written since, in words. */
export function touched(before: ClusterSnapshot, after: ClusterSnapshot, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const [was, is] = [before.objects.get(name), after.objects.get(name)];
    if (!was) return [`${name} was never there`];
    if (!is || is.uid !== was.uid) return [`${name} is gone, or another one`];
    return is.resourceVersion === was.resourceVersion
      ? []
      : [`${name} was written: version ${was.resourceVersion} → ${is.resourceVersion}`];
  });
}
