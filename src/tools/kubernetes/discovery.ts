import { TracewrightError } from '../../domain/failure.js';
import { isApiError } from './api-error.js';
import type { ObjectReference } from './objects.js';
import type { ApiRequest } from './transport.js';

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
  /** @throws TracewrightError `manifest.rejected` (retryable) when the cluster does not know the kind */
  resource(apiVersion: string, kind: string, signal?: AbortSignal): Promise<Resource>;
  /** The path of one object. */
  pathOf(reference: ObjectReference, signal?: AbortSignal): Promise<string>;
}

interface ResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

export function createDiscovery(json: <T>(request: ApiRequest) => Promise<T>): Discovery {
  const known = new Map<string, Resource>();
  const key = (apiVersion: string, kind: string): string => `${apiVersion} ${kind}`;

  const load = async (apiVersion: string, signal?: AbortSignal): Promise<void> => {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    try {
      const list = await json<ResourceList>({ path: root, signal });
      for (const { name, kind, namespaced } of list.resources) {
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
      type: 'manifest.rejected',
      message: `The cluster does not know the kind ${kind} of ${apiVersion}.`,
      remedy:
        'Let the component need the one that installs its CustomResourceDefinition, or correct apiVersion and kind.',
      // A CRD that was just made is served a moment later.
      retryable: true,
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
