import { listApiResources } from './api-resources.js';
import type { Kubernetes } from './connection.js';
import { definitionKind, instancesOf } from './definitions.js';
import { deleteObject } from './delete.js';
import type { KubernetesObject, ObjectList, ObjectReference } from './objects.js';
import { listMetadata, readObject } from './observe.js';
import { selectorOf, type Owner } from './ownership.js';
import { findStrangers } from './strangers.js';
import { requireAnswers } from './stuck.js';
import { waitUntilGone, type WaitGoneOptions } from './wait-gone.js';

export interface Kept {
  readonly name: string;
  /** Why it stays, for people. */
  readonly reason: string;
}

export interface TeardownResult {
  readonly deleted: readonly string[];
  readonly kept: readonly Kept[];
}

/**
 * Deletes CustomResourceDefinitions (which must be ours: `removeRelease` names them) when no object of their kind is
 * left; a definition takes all its objects with it, strangers' included.
 */
export async function deleteDefinitions(
  kube: Kubernetes,
  names: readonly string[],
  options: WaitGoneOptions = {},
): Promise<TeardownResult> {
  const { signal } = options;
  const looked = await Promise.all(
    names.map(async (name) => {
      const definition = await readObject(kube, { ...definitionKind, name }, signal);
      const objects = definition ? await instancesOf(kube, definition, { limit: 5, signal }) : [];
      return { name, definition, objects };
    }),
  );
  const free = looked.filter(({ definition, objects }) => definition && objects.length === 0);
  await remove(
    kube,
    free.map(({ name, definition }) => ({ ...definitionKind, name, uid: definition?.metadata.uid })),
    options,
  );
  const kept = looked
    .filter(({ objects }) => objects.length > 0)
    .map(({ name, objects }) => ({ name, reason: `objects of its kind remain: ${listed(objects)}` }));
  return { deleted: free.map(({ name }) => name), kept };
}

/**
 * Deletes the namespaces that carry our label, each only when nothing of anybody else is in it.
 * @throws TracewrightError `removal.stuck` with what Kubernetes says is left, or which API service keeps namespaces
 * from going
 */
export async function deleteOwnNamespaces(
  kube: Kubernetes,
  owner: Pick<Owner, 'environment'>,
  options: WaitGoneOptions = {},
): Promise<TeardownResult> {
  const { signal } = options;
  const namespaces = await ownNamespaces(kube, owner, signal);
  if (namespaces.length === 0) return { deleted: [], kept: [] };
  const { resources, silent } = await listApiResources(kube, signal);
  await requireAnswers(kube, silent);
  const looked = await Promise.all(
    namespaces.map(async ({ metadata }) => ({
      metadata,
      strangers:
        metadata.deletionTimestamp === undefined
          ? await findStrangers(kube, metadata.name, owner, { resources, signal })
          : [],
    })),
  );
  const free = looked.filter(({ strangers }) => strangers.length === 0);
  await remove(
    kube,
    free.map(({ metadata: { name, uid } }) => ({ apiVersion: 'v1', kind: 'Namespace', name, uid })),
    options,
  );
  const kept = looked
    .filter(({ strangers }) => strangers.length > 0)
    .map(({ metadata, strangers }) => ({
      name: metadata.name,
      reason: `others have objects in it: ${strangers.slice(0, 5).join(', ')}`,
    }));
  return { deleted: free.map(({ metadata }) => metadata.name), kept };
}

/** The namespaces that carry our label. */
export async function ownNamespaces(
  kube: Kubernetes,
  { environment }: Pick<Owner, 'environment'>,
  signal?: AbortSignal,
): Promise<readonly KubernetesObject[]> {
  return listMetadata(kube, {
    apiVersion: 'v1',
    kind: 'Namespace',
    labelSelector: selectorOf({ environment }),
    signal,
  });
}

const webhookKinds = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'] as const;

/**
 * Deletes webhook configurations whose Service was in one of the namespaces (ours, and gone): left behind by a chart
 * that was killed, they would refuse objects of everybody. Those of Services that exist are not touched.
 */
export async function deleteOrphanedWebhooks(
  kube: Kubernetes,
  namespaces: readonly string[],
  options: WaitGoneOptions = {},
): Promise<TeardownResult> {
  const { signal } = options;
  const found = await Promise.all(
    webhookKinds.map(async (kind) => {
      const path = `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}s`;
      const items = (await kube.json<ObjectList<WebhookConfiguration>>({ path, signal })).items ?? [];
      const orphaned = await Promise.all(items.map((item) => isOrphaned(kube, item, namespaces, signal)));
      return items
        .filter((_item, index) => orphaned[index])
        .map(({ metadata: { name, uid } }) => ({
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind,
          name,
          uid,
        }));
    }),
  );
  await remove(kube, found.flat(), options);
  return { deleted: found.flat().map(({ name }) => name), kept: [] };
}

interface WebhookConfiguration extends KubernetesObject {
  readonly webhooks?: readonly {
    readonly clientConfig: { readonly service?: { readonly namespace: string; readonly name: string } };
  }[];
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

/** Deletes these very objects and returns when they are gone. */
export async function remove(
  kube: Kubernetes,
  objects: readonly (ObjectReference & { readonly uid?: string | undefined })[],
  options: WaitGoneOptions,
): Promise<void> {
  await Promise.all(
    objects.map(({ uid, ...reference }) => deleteObject(kube, reference, uid, options.signal)),
  );
  await waitUntilGone(kube, objects, {
    timeoutMs: options.timeoutMs ?? 120_000,
    deadline: options.deadline,
    onProgress: options.onProgress,
    signal: options.signal,
  });
}

function listed(objects: readonly KubernetesObject[]): string {
  return objects
    .map(({ metadata: { name, namespace } }) => (namespace === undefined ? name : `${namespace}/${name}`))
    .join(', ');
}
