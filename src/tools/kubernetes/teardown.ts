import { isApiError } from './api-error.js';
import { listApiResources, type ApiResource } from './discovery.js';
import type { Kubernetes } from './connection.js';
import { definitionKind } from './definitions.js';
import { describe, referenceOf, type KubernetesObject, type ObjectList } from './objects.js';
import { listMetadata, listOf, readObject } from './observe.js';
import { ownershipOf, selectorOf, type Owner } from './ownership.js';
import {
  removeDefinitions,
  removeObjects,
  type Kept,
  type RemovalOptions,
  type RemovalResult,
} from './removal.js';
import { requireAnswers } from './stuck.js';

type Environment = Pick<Owner, 'environment'>;

/** They go as a whole and by rules of their own, or are copies that Kubernetes makes of what is ours. */
const apart = new Set(['Namespace', definitionKind.kind, 'Event', 'Endpoints', 'EndpointSlice']);

/**
 * Takes away what is left of an environment in a cluster that others use, after its components were removed: objects
 * with its label, its CustomResourceDefinitions, its namespaces, webhooks that nobody answers any more. What others put
 * into its namespaces stays, and so does a release whose removal was skipped.
 * @returns names such as `Namespace tracing`, in the order of their deletion
 * @throws TracewrightError `removal.stuck` that names what does not go and why
 */
export async function sweepEnvironment(
  kube: Kubernetes,
  owner: Environment,
  options: RemovalOptions = {},
): Promise<RemovalResult> {
  const { signal } = options;
  const namespaces = (await ownNamespaces(kube, owner, signal)).map(({ metadata }) => metadata.name);
  // Before anything else is touched: a webhook without a Service refuses whatever it watches over.
  const webhooks = await removeOrphanedWebhooks(kube, namespaces, options);
  const { resources } = await listApiResources(kube, signal);
  const labelled = await labelledObjects(kube, resources, selectorOf(owner), signal);
  const releases = labelled.filter(isReleaseRecord);
  const definitions = labelled.filter(({ kind }) => kind === definitionKind.kind);
  const loose = labelled.filter(isLoose);
  await removeObjects(kube, loose.map(exactly), options);
  const definitionNames = definitions.map(({ metadata }) => metadata.name);
  const ofDefinitions = await removeDefinitions(kube, definitionNames, options);
  const ofNamespaces = await removeOwnNamespaces(kube, owner, options);
  const lateWebhooks = await removeOrphanedWebhooks(kube, ofNamespaces.deleted, options);
  return {
    deleted: [
      ...[...webhooks, ...lateWebhooks].map((name) => `webhook ${name}`),
      ...loose.map(describe),
      ...ofDefinitions.deleted.map((name) => `${definitionKind.kind} ${name}`),
      ...ofNamespaces.deleted.map((name) => `Namespace ${name}`),
    ],
    kept: [
      ...releasesOf(releases),
      ...ofDefinitions.kept,
      ...ofNamespaces.kept.map(({ name, reason }) => ({ name: `Namespace ${name}`, reason })),
    ],
  };
}

function exactly(object: KubernetesObject): Parameters<typeof removeObjects>[1][number] {
  return { ...referenceOf(object), uid: object.metadata.uid };
}

/** The metadata of all objects that the selector picks, of whatever kind. */
export async function labelledObjects(
  kube: Kubernetes,
  resources: readonly ApiResource[],
  labelSelector: string,
  signal: AbortSignal | undefined,
): Promise<readonly KubernetesObject[]> {
  const lists = await Promise.all(
    resources.map((resource) =>
      listOf(kube, resource, { labelSelector, signal }).catch((error: unknown) => {
        // Whoever may not even see objects of a kind has made none.
        if (isApiError(error, 403)) return [];
        throw error;
      }),
    ),
  );
  return lists.flat();
}

/** Whether it goes by itself: it stands for nothing else, and no other object takes it along. */
export function isLoose(object: KubernetesObject): boolean {
  const { kind, metadata } = object;
  return !apart.has(kind) && !isReleaseRecord(object) && (metadata.ownerReferences?.length ?? 0) === 0;
}

/** Helm writes our labels on its records; without them nobody could uninstall the release any more. */
export function isReleaseRecord({ kind, metadata }: KubernetesObject): boolean {
  return kind === 'Secret' && metadata.labels?.['owner'] === 'helm';
}

function releasesOf(records: readonly KubernetesObject[]): Kept[] {
  const names = records.map(
    ({ metadata: { namespace, labels } }) => `${namespace ?? ''}/${labels?.['name'] ?? ''}`,
  );
  return [...new Set(names)].map((name) => ({
    name: `Helm release ${name}`,
    reason: 'its removal was skipped',
  }));
}

/** The namespaces that carry our label. */
export async function ownNamespaces(
  kube: Kubernetes,
  { environment }: Environment,
  signal?: AbortSignal,
): Promise<readonly KubernetesObject[]> {
  const labelSelector = selectorOf({ environment });
  return listMetadata(kube, { apiVersion: 'v1', kind: 'Namespace', labelSelector, signal });
}

/**
 * Deletes the namespaces that carry our label, each only when nothing of anybody else is in it.
 * @throws TracewrightError `removal.stuck` with what Kubernetes says is left, or which API service keeps namespaces
 * from going
 */
export async function removeOwnNamespaces(
  kube: Kubernetes,
  owner: Environment,
  options: RemovalOptions = {},
): Promise<RemovalResult> {
  const { signal } = options;
  const namespaces = await ownNamespaces(kube, owner, signal);
  if (namespaces.length === 0) return { deleted: [], kept: [] };
  const { resources, silent } = await listApiResources(kube, signal);
  await requireAnswers(kube, silent);
  const found = await Promise.all(
    namespaces.map(async (namespace) => {
      const { name, deletionTimestamp } = namespace.metadata;
      const isGoing = deletionTimestamp !== undefined;
      return {
        namespace,
        foreign: isGoing ? [] : await findForeignObjects(kube, name, owner, { resources, signal }),
      };
    }),
  );
  const free = found.filter(({ foreign }) => foreign.length === 0).map(({ namespace }) => namespace);
  await removeObjects(kube, free.map(exactly), options);
  const kept = found
    .filter(({ foreign }) => foreign.length > 0)
    .map(({ namespace, foreign }) => ({
      name: namespace.metadata.name,
      reason: `others have objects in it: ${foreign.slice(0, 5).join(', ')}`,
    }));
  return { deleted: free.map(({ metadata }) => metadata.name), kept };
}

/** Made by Kubernetes itself in every namespace, or about objects that are gone. */
const kubernetesKinds = new Set([
  'Event',
  'Endpoints',
  'EndpointSlice',
  'Lease',
  'ControllerRevision',
  'PodMetrics',
]);
const inEveryNamespace = new Set(['ServiceAccount default', 'ConfigMap kube-root-ca.crt']);

/**
 * What in a namespace of ours belongs to others, such as `Deployment shared/web`. Ours, and so none of these, is only
 * what is known to be: it carries our label (what a release's own programs have written was given it before the release
 * went, see `labelOrphans`), an owner reference ties it to such an object, or Kubernetes makes it by itself.
 */
async function findForeignObjects(
  kube: Kubernetes,
  namespace: string,
  owner: Environment,
  { resources, signal }: { resources: readonly ApiResource[]; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const lists = await Promise.all(
    resources
      .filter(({ namespaced }) => namespaced)
      .map((resource) => listOf(kube, resource, { namespace, signal })),
  );
  const objects = lists.flat();
  const here = new Set(objects.map(({ metadata }) => metadata.uid));
  /** Owners of the same namespace are looked at themselves; those that are gone take it along. */
  const isOwned = async ({ metadata: { ownerReferences = [] } }: KubernetesObject): Promise<boolean> => {
    if (ownerReferences.length === 0) return false;
    const owners = await Promise.all(
      ownerReferences
        .filter(({ uid }) => !here.has(uid))
        .map(({ apiVersion, kind, name }) => readObject(kube, { apiVersion, kind, name, namespace }, signal)),
    );
    return owners.every((it) => !it || ownershipOf(it.metadata, owner) === 'ours');
  };
  const isForeign = async (object: KubernetesObject): Promise<boolean> => {
    const { kind, metadata } = object;
    if (kubernetesKinds.has(kind) || inEveryNamespace.has(`${kind} ${metadata.name}`)) return false;
    return ownershipOf(metadata, owner) === 'foreign' && !(await isOwned(object));
  };
  const foreign = await Promise.all(objects.map(isForeign));
  return objects.filter((_, index) => foreign[index]).map(describe);
}

const webhookKinds = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'] as const;

interface WebhookConfiguration extends KubernetesObject {
  readonly webhooks?: readonly {
    readonly clientConfig: { readonly service?: { readonly namespace: string; readonly name: string } };
  }[];
}

/**
 * Deletes webhook configurations whose Service was in one of the namespaces (ours, and gone): left behind by a chart
 * that was killed, they would refuse objects of everybody. Those of Services that exist are not touched.
 * @returns their names
 */
export async function removeOrphanedWebhooks(
  kube: Kubernetes,
  namespaces: readonly string[],
  options: RemovalOptions = {},
): Promise<readonly string[]> {
  const { signal } = options;
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const found = await Promise.all(
    webhookKinds.map(async (kind) => {
      const path = `/apis/${apiVersion}/${kind.toLowerCase()}s`;
      const items = (await kube.json<ObjectList<WebhookConfiguration>>({ path, signal })).items ?? [];
      const orphaned = await Promise.all(items.map((item) => isOrphaned(kube, item, namespaces, signal)));
      return items
        .filter((_, index) => orphaned[index])
        .map((item) => exactly({ ...item, apiVersion, kind }));
    }),
  );
  await removeObjects(kube, found.flat(), options);
  return found.flat().map(({ name }) => name);
}

async function isOrphaned(
  kube: Kubernetes,
  { webhooks = [] }: WebhookConfiguration,
  namespaces: readonly string[],
  signal?: AbortSignal,
): Promise<boolean> {
  const services = webhooks.flatMap(({ clientConfig: { service } }) => (service ? [service] : []));
  if (services.length === 0 || !services.every(({ namespace }) => namespaces.includes(namespace)))
    return false;
  const existing = await Promise.all(
    services.map(({ namespace, name }) =>
      readObject(kube, { apiVersion: 'v1', kind: 'Service', name, namespace }, signal),
    ),
  );
  return existing.every((service) => service === undefined);
}
