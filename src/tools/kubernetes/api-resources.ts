import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import type { Resource } from './discovery.js';

/** A kind whose objects can be listed and deleted. */
export interface ApiResource extends Resource {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface ApiResources {
  /** One version of each kind: the preferred one of its group, where that has it. */
  readonly resources: readonly ApiResource[];
  /** `metrics.k8s.io/v1beta1`: the cluster lists it, but whoever should serve it does not answer. */
  readonly silent: readonly string[];
}

interface GroupList {
  readonly groups: readonly {
    readonly preferredVersion: { readonly groupVersion: string };
    readonly versions: readonly { readonly groupVersion: string }[];
  }[];
}

interface ResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

/** Asks the cluster for all kinds that it has at this moment; some twenty requests at once. */
export async function listApiResources(kube: Kubernetes, signal?: AbortSignal): Promise<ApiResources> {
  const { groups } = await kube.json<GroupList>({ path: '/apis', signal });
  const inGroups = groups.map(({ preferredVersion, versions }) => [
    ...new Set([preferredVersion, ...versions].map(({ groupVersion }) => groupVersion)),
  ]);
  const lists = await Promise.all(
    [['v1'], ...inGroups].map((versions) =>
      Promise.all(versions.map((version) => resourcesOf(kube, version, signal))),
    ),
  );
  const silent = lists.flat().flatMap((list) => (typeof list === 'string' ? [list] : []));
  const resources = lists.flatMap((ofGroup) =>
    firstOfEach(ofGroup.filter((it) => typeof it !== 'string').flat()),
  );
  return { resources, silent };
}

/** @returns the version itself when it does not answer */
async function resourcesOf(
  kube: Kubernetes,
  apiVersion: string,
  signal: AbortSignal | undefined,
): Promise<ApiResource[] | string> {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  try {
    const { resources } = await kube.json<ResourceList>({ path: root, signal });
    return resources
      .filter(({ name, verbs }) => verbs.includes('list') && verbs.includes('delete') && !name.includes('/'))
      .map(({ name, kind, namespaced }) => ({ root, apiVersion, kind, name, namespaced }));
  } catch (error) {
    // A definition that goes while we look takes its version along.
    if (isApiError(error, 404)) return [];
    if (isApiError(error, 502, 503, 504)) return apiVersion;
    throw error;
  }
}

function firstOfEach(resources: readonly ApiResource[]): ApiResource[] {
  const byName = new Map<string, ApiResource>();
  for (const resource of resources) if (!byName.has(resource.name)) byName.set(resource.name, resource);
  return [...byName.values()];
}
