import { isApiError } from './api-error.js';
import { listApiResources, type ApiResource } from './api-resources.js';
import type { Kubernetes } from './connection.js';
import { definitionKind } from './definitions.js';
import { describe, referenceOf, type KubernetesObject } from './objects.js';
import { listOf } from './observe.js';
import { selectorOf, type Owner } from './ownership.js';
import {
  deleteDefinitions,
  deleteOrphanedWebhooks,
  deleteOwnNamespaces,
  ownNamespaces,
  remove,
  type Kept,
} from './teardown.js';
import type { WaitGoneOptions } from './wait-gone.js';

export interface SweepResult {
  /** `Namespace tracing`, in the order of their deletion. */
  readonly deleted: readonly string[];
  /** What is ours and stays nevertheless, with the reason. */
  readonly kept: readonly Kept[];
}

/** They go as a whole and by rules of their own, or are copies that Kubernetes makes of what is ours. */
const apart = new Set(['Namespace', definitionKind.kind, 'Event', 'Endpoints', 'EndpointSlice']);

/**
 * Takes away what is left of an environment in a cluster that others use, after its components were removed: objects
 * with its label, its CustomResourceDefinitions, its namespaces, webhooks that nobody answers any more. What others put
 * into its namespaces stays, and so does a release whose removal was skipped.
 * @throws TracewrightError `removal.stuck` that names what does not go and why
 */
export async function sweepEnvironment(
  kube: Kubernetes,
  owner: Pick<Owner, 'environment'>,
  options: WaitGoneOptions = {},
): Promise<SweepResult> {
  const { signal } = options;
  const namespaces = (await ownNamespaces(kube, owner, signal)).map(({ metadata }) => metadata.name);
  // Before anything else is touched: a webhook without a Service refuses whatever it watches over.
  const webhooks = await deleteOrphanedWebhooks(kube, namespaces, options);
  const { resources } = await listApiResources(kube, signal);
  const labelled = await labelledObjects(kube, resources, owner, signal);
  const [releases, objects] = split(labelled, isReleaseRecord);
  const [definitions, others] = split(objects, ({ kind }) => kind === definitionKind.kind);
  const loose = others.filter(
    ({ kind, metadata }) => !apart.has(kind) && (metadata.ownerReferences?.length ?? 0) === 0,
  );
  await remove(
    kube,
    loose.map((object) => ({ ...referenceOf(object), uid: object.metadata.uid })),
    options,
  );
  const ofDefinitions = await deleteDefinitions(
    kube,
    definitions.map(({ metadata }) => metadata.name),
    options,
  );
  const ofNamespaces = await deleteOwnNamespaces(kube, owner, options);
  const lateWebhooks = await deleteOrphanedWebhooks(kube, ofNamespaces.deleted, options);
  return {
    deleted: [
      ...[...webhooks.deleted, ...lateWebhooks.deleted].map((name) => `webhook ${name}`),
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

async function labelledObjects(
  kube: Kubernetes,
  resources: readonly ApiResource[],
  { environment }: Pick<Owner, 'environment'>,
  signal: AbortSignal | undefined,
): Promise<readonly KubernetesObject[]> {
  const labelSelector = selectorOf({ environment });
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

/** Helm writes our labels on its records; without them nobody could uninstall the release any more. */
function isReleaseRecord({ kind, metadata }: KubernetesObject): boolean {
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

function split<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
