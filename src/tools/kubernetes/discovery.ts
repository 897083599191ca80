import { TracewrightError } from '../../domain/failure.js';
import { z } from 'zod';
import { isApiError, strangeAnswer } from './api-error.js';
import { stringifyExact } from './exact-json.js';
import type { ObjectReference } from './objects.js';
import type { ApiClient, ApiRequest } from './transport.js';

/** Where the API server serves a kind. */
export interface Resource {
  /** `/api/v1` or `/apis/<group>/<version>`. */
  readonly root: string;
  /** Plural, as in the path. */
  readonly name: string;
  readonly namespaced: boolean;
}

export interface Discovery {
  /**
   * The resource of a kind; `undefined` when the cluster does not know it (its CRD is missing or not yet established).
   * What is known is kept; what is not is asked again each time, since a CRD may have come meanwhile.
   */
  find(apiVersion: string, kind: string, signal?: AbortSignal): Promise<Resource | undefined>;
  /** @throws TracewrightError `manifest.unknown-kind` (transient) when the cluster does not know the kind */
  resource(apiVersion: string, kind: string, signal?: AbortSignal): Promise<Resource>;
  /** The path of one object. */
  pathOf(reference: ObjectReference, signal?: AbortSignal): Promise<string>;
}

export function createDiscovery(json: <T>(request: ApiRequest) => Promise<T>): Discovery {
  const known = new Map<string, Resource>();
  const key = (apiVersion: string, kind: string): string => `${apiVersion} ${kind}`;

  const load = async (apiVersion: string, signal?: AbortSignal): Promise<void> => {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    try {
      const { resources } = await listFrom(json, resourceList, { path: root, signal });
      for (const { name, kind, namespaced } of resources) {
        if (!name.includes('/')) known.set(key(apiVersion, kind), { root, name, namespaced });
      }
    } catch (error) {
      if (!isApiError(error, 404)) throw error;
    }
  };

  const find: Discovery['find'] = async (apiVersion, kind, signal) => {
    if (!known.has(key(apiVersion, kind))) await load(apiVersion, signal);
    return known.get(key(apiVersion, kind));
  };
  const resource: Discovery['resource'] = async (apiVersion, kind, signal) => {
    const found = await find(apiVersion, kind, signal);
    if (found) return found;
    throw new TracewrightError({
      type: 'manifest.unknown-kind',
      message: `The cluster does not know the kind ${kind} of ${apiVersion}.`,
      remedy:
        'Let the component need the one that installs its CustomResourceDefinition, or correct apiVersion and kind.',
    });
  };
  return {
    find,
    resource,
    async pathOf(reference, signal) {
      return objectPath(await resource(reference.apiVersion, reference.kind, signal), reference);
    },
  };
}

/** The path of an object, or of its collection when it has no name. */
export function objectPath(
  resource: Resource,
  { name, namespace }: { name?: string; namespace?: string | undefined },
): string {
  const folder =
    resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${resource.root}${folder}/${resource.name}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

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

/** Go writes null for an empty list. */
const many = <T extends z.ZodType>(one: T) =>
  z
    .array(one)
    .nullish()
    .transform((it) => it ?? []);
const version = z.object({ groupVersion: z.string() });
const groupList = z.object({
  groups: many(z.object({ preferredVersion: version.optional(), versions: many(version) })),
});
const resourceList = z.object({
  resources: many(
    z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean(), verbs: many(z.string()) }),
  ),
});

/** @throws TracewrightError `cluster.unreachable` for what is none of these lists, and as `json` */
async function listFrom<T>(
  json: (request: ApiRequest) => Promise<unknown>,
  schema: z.ZodType<T>,
  { path, signal }: Pick<ApiRequest, 'path' | 'signal'>,
): Promise<T> {
  const answer = await json({ path, signal });
  const { data } = schema.safeParse(answer);
  if (data === undefined)
    throw strangeAnswer('the address of the cluster', `GET ${path}`, stringifyExact(answer));
  return data;
}

/** Asks the cluster for all kinds that it has at this moment; some twenty requests at once. */
export async function listApiResources(kube: ApiClient, signal?: AbortSignal): Promise<ApiResources> {
  const { groups } = await listFrom((request) => kube.json(request), groupList, { path: '/apis', signal });
  const inGroups = groups.map(({ preferredVersion, versions }) => [
    ...new Set([preferredVersion, ...versions].flatMap((it) => it?.groupVersion ?? [])),
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
  kube: ApiClient,
  apiVersion: string,
  signal: AbortSignal | undefined,
): Promise<ApiResource[] | string> {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  try {
    const { resources } = await listFrom((request) => kube.json(request), resourceList, {
      path: root,
      signal,
    });
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
