import { parseImage } from '../../domain/images.js';
import { ownershipLabels } from '../../domain/names.js';
import { isApiError } from '../kubernetes/api-error.js';
import { referencesOf } from '../kubernetes/apply.js';
import { podsOfComponent } from '../kubernetes/component-pods.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { definitionKind } from '../kubernetes/definitions.js';
import { parseManifests } from '../kubernetes/manifests.js';
import { findNamespace } from '../kubernetes/namespaces.js';
import {
  referenceOf,
  type KubernetesObject,
  type ObjectList,
  type ObjectMeta,
  type ObjectReference,
  type Pod,
} from '../kubernetes/objects.js';
import { listMetadata, observeObjects } from '../kubernetes/observe.js';
import { labelsOf, ownershipOf, type Owner } from '../kubernetes/ownership.js';
import { helmAnnotations } from './release-objects.js';
import type { ReleaseRecord } from './release-record.js';

/** What a release leaves behind when helm has uninstalled it. */
export interface Orphans {
  readonly objects: readonly (ObjectReference & { readonly uid?: string | undefined })[];
  /** Those that run now: helm does not wait for their end. */
  readonly pods: readonly ObjectReference[];
}

interface Context {
  readonly kube: Kubernetes;
  readonly record: ReleaseRecord;
  readonly owner: Required<Owner>;
  readonly pods: readonly Pod[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Finds what helm will not take away together with the release: what its hooks made, definitions that it keeps by
 * policy, and what its programs wrote at run time (certificates, leader leases, volume claims, the kubelet's Service of
 * a Prometheus operator). Puts our labels on it, so that it is still known as ours when whoever removes the release is
 * killed in between. Only what the chart or a program of it is known to have made is taken for theirs; everything else
 * stays.
 */
export async function labelOrphans(
  kube: Kubernetes,
  record: ReleaseRecord,
  owner: Required<Owner>,
  signal?: AbortSignal,
): Promise<Orphans> {
  const release = { name: record.name, namespace: record.namespace };
  const pods = await podsOfComponent(kube, owner, { release }, signal);
  const context = { kube, record, owner, pods, signal };
  const [since, ...found] = await Promise.all([
    beginningOf(context),
    hookObjects(context),
    keptDefinitions(context),
    writtenObjects(context),
    heldLeases(context),
    volumeClaims(context),
    kubeletService(context),
  ]);
  const own = found.flat().filter((object) => mayBeOurs(object, since, owner));
  await Promise.all(own.map((object) => label(context, object)));
  return {
    objects: own
      .filter(({ kind }) => kind !== definitionKind.kind)
      .map((object) => ({ ...referenceOf(object), uid: object.metadata.uid })),
    pods: pods.map(({ metadata: { name, namespace } }) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      name,
      namespace,
    })),
  };
}

/** When the first object of the release came into being, by the cluster's clock. */
async function beginningOf({ kube, record, signal }: Context): Promise<number> {
  if (record.begunAt !== undefined) return Date.parse(record.begunAt);
  // Helm forgets old revisions.
  const objects = parseManifests(record.manifest).filter(({ kind }) => kind !== definitionKind.kind);
  const live = await observeObjects(
    kube,
    await referencesOf(kube, objects, record.namespace, signal),
    signal,
  );
  return Math.min(...live.flatMap((object) => (object ? [createdAt(object)] : [])));
}

function mayBeOurs(object: KubernetesObject, since: number, owner: Required<Owner>): boolean {
  const { environment } = ownershipLabels;
  const other = object.metadata.labels?.[environment];
  return createdAt(object) >= since && (other === undefined || other === owner.environment);
}

async function hookObjects({ kube, record, signal }: Context): Promise<KubernetesObject[]> {
  const objects = record.hooks.flatMap(({ manifest }) => parseManifests(manifest));
  const references = await referencesOf(kube, objects, record.namespace, signal);
  return present(await observeObjects(kube, references, signal));
}

async function keptDefinitions({ kube, record, signal }: Context): Promise<KubernetesObject[]> {
  const labelSelector = 'app.kubernetes.io/managed-by=Helm';
  const managed = await listMetadata(kube, { ...definitionKind, labelSelector, signal });
  return managed.filter(
    ({ metadata: { annotations } }) =>
      annotations?.[helmAnnotations.name] === record.name &&
      annotations[helmAnnotations.namespace] === record.namespace,
  );
}

/**
 * Secrets and ConfigMaps that programs of the release wrote, and certificates that were issued for it. The chart must
 * mention them by name, unless the namespace is ours as a whole: elsewhere others may run the same programs.
 */
async function writtenObjects({ kube, record, owner, signal }: Context): Promise<KubernetesObject[]> {
  const { namespace } = record;
  const manifests = manifestsOf(record);
  const words = new Set(manifests.split(/[^\w.-]+/u));
  const programs = programsIn(record);
  const certificates = new Set(
    parseManifests(manifests).flatMap(({ kind, metadata }) =>
      kind === 'Certificate' ? [metadata.name] : [],
    ),
  );
  const [place, ...lists] = await Promise.all([
    findNamespace(kube, namespace, signal),
    ...['Secret', 'ConfigMap'].map((kind) =>
      listMetadata(kube, { apiVersion: 'v1', kind, namespace, signal }),
    ),
  ]);
  const isOurPlace = place !== undefined && ownershipOf(place.metadata, owner) === 'ours';
  return lists.flat().filter(({ metadata }) => {
    const { annotations = {}, ownerReferences = [] } = metadata;
    if (ownerReferences.length > 0 || annotations[helmAnnotations.name] !== undefined) return false;
    const mentioned = words.has(metadata.name);
    if (mentioned && certificates.has(annotations[certificateAnnotation] ?? '')) return true;
    return (mentioned || isOurPlace) && isWrittenBy(metadata, programs);
  });
}

/** On a Secret of cert-manager: which Certificate asked for it. */
const certificateAnnotation = 'cert-manager.io/certificate-name';

const manifestsOf = ({ manifest, hooks }: ReleaseRecord): string =>
  [manifest, ...hooks.map((hook) => hook.manifest)].join('\n---\n');

/** Anybody may use them: what they wrote tells nothing. */
const commonPrograms = new Set(['kubectl', 'helm', 'sh', 'bash', 'curl']);

/** The programs that the release runs, by the names of containers and images, in lower case. */
function programsIn(record: ReleaseRecord): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    const { name, image } = part as { name?: unknown; image?: unknown };
    if (typeof image === 'string') {
      names.add((parseImage(image)?.repository.split('/').at(-1) ?? '').toLowerCase());
      if (typeof name === 'string') names.add(name.toLowerCase());
    }
    Object.values(part).forEach(visit);
  };
  parseManifests(manifestsOf(record)).forEach(visit);
  // Which then issues the certificates of this release as well.
  if (record.manifest.includes('cert-manager.io/')) names.add('cert-manager');
  return new Set([...names].filter((name) => name !== '' && !commonPrograms.has(name)));
}

/**
 * Whether a program wrote the object, by the name under which it is known to the API server: that of its executable,
 * such as `webhook` of an image `cert-manager-webhook`, or with a part of it, such as `cert-manager-issuing`.
 */
function isWrittenBy({ managedFields = [] }: ObjectMeta, programs: ReadonlySet<string>): boolean {
  const managers = managedFields.map(({ manager = '' }) => manager.toLowerCase());
  const isProgram = (manager: string): boolean =>
    [...programs].some(
      (program) =>
        manager === program || program.endsWith(`-${manager}`) || manager.startsWith(`${program}-`),
    );
  // One that somebody else has a part in is left to them.
  return managers.length > 0 && managers.every((manager) => manager !== '' && isProgram(manager));
}

/** A lease that nobody gives back makes the next installation wait until it has run out. */
async function heldLeases({ kube, pods, signal }: Context): Promise<KubernetesObject[]> {
  const apiVersion = 'coordination.k8s.io/v1';
  const path = `/apis/${apiVersion}/leases`;
  const leases = await kube.json<ObjectList<KubernetesObject>>({ path, signal }).catch((error: unknown) => {
    // Without the right to see all of them: they run out by themselves.
    if (isApiError(error, 403)) return { items: [] };
    throw error;
  });
  return (leases.items ?? [])
    .filter(({ spec }) => {
      const holder = (spec as { holderIdentity?: string } | undefined)?.holderIdentity ?? '';
      return pods.some(({ metadata: { name } }) => holder === name || /^[^a-z0-9]/u.test(rest(holder, name)));
    })
    .map((lease) => ({ ...lease, apiVersion, kind: 'Lease' }));
}

/** What follows the prefix; empty when it is none. */
function rest(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : '';
}

/** Those that a StatefulSet made out of its template: `<template>-<pod>`. What a pod only uses may be anybody's. */
async function volumeClaims({ kube, pods, signal }: Context): Promise<KubernetesObject[]> {
  const references = pods
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ kind }) => kind === 'StatefulSet'))
    .flatMap(({ metadata: { name: pod, namespace }, spec }) =>
      (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: { claimName: name } = { claimName: '' } }) =>
        name.endsWith(`-${pod}`)
          ? [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace }]
          : [],
      ),
    );
  return present(await observeObjects(kube, references, signal));
}

/** A Prometheus operator keeps a Service for the kubelets in another namespace, and leaves it there. */
async function kubeletService({ kube, record, signal }: Context): Promise<KubernetesObject[]> {
  const [, namespace, name] = /--kubelet-service=([a-z0-9-]+)\/([a-z0-9.-]+)/u.exec(record.manifest) ?? [];
  if (namespace === undefined || name === undefined) return [];
  const place = { name, namespace };
  const found = await observeObjects(
    kube,
    [
      { apiVersion: 'v1', kind: 'Service', ...place },
      { apiVersion: 'v1', kind: 'Endpoints', ...place },
    ],
    signal,
  );
  const slices = await listMetadata(kube, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    namespace,
    labelSelector: `kubernetes.io/service-name=${name}`,
    signal,
  });
  return [...present(found), ...slices].filter(
    ({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'prometheus-operator',
  );
}

async function label({ kube, owner, signal }: Context, object: KubernetesObject): Promise<void> {
  try {
    await kube.json({
      method: 'PATCH',
      path: await kube.discovery.pathOf(referenceOf(object), signal),
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ metadata: { labels: labelsOf(owner) } }),
      signal,
    });
  } catch (error) {
    // It has gone meanwhile.
    if (!isApiError(error, 404)) throw error;
  }
}

function createdAt({ metadata }: KubernetesObject): number {
  return Date.parse(metadata.creationTimestamp ?? '');
}

function present(objects: readonly (KubernetesObject | undefined)[]): KubernetesObject[] {
  return objects.filter((object) => object !== undefined);
}
