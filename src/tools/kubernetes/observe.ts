import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { type ApiResource, objectPath } from './discovery.js';
import type { KubernetesObject, ObjectList, ObjectReference } from './objects.js';

/** One object, or `undefined` when it, or its kind, does not exist. */
export async function readObject(
  kube: Kubernetes,
  reference: ObjectReference,
  signal?: AbortSignal,
): Promise<KubernetesObject | undefined> {
  const resource = await kube.discovery.find(reference.apiVersion, reference.kind, signal);
  if (!resource) return undefined;
  try {
    return await kube.json<KubernetesObject>({ path: objectPath(resource, reference), signal });
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}

/** The objects as they are now, in the order asked for; those that do not exist are `undefined`. */
export async function observeObjects(
  kube: Kubernetes,
  references: readonly ObjectReference[],
  signal?: AbortSignal,
): Promise<(KubernetesObject | undefined)[]> {
  return Promise.all(references.map((reference) => readObject(kube, reference, signal)));
}

/** Asks only for metadata: a list of whole CustomResourceDefinitions can have megabytes. */
export const metadataOnly = {
  accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
} as const;

export interface ListOptions {
  /** @default all, and objects of the whole cluster */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The metadata of all objects of a kind, in all namespaces or in one; none when the cluster does not know the kind. */
export async function listMetadata(
  kube: Kubernetes,
  { apiVersion, kind, ...options }: ListOptions & { apiVersion: string; kind: string },
): Promise<readonly KubernetesObject[]> {
  const resource = await kube.discovery.find(apiVersion, kind, options.signal);
  return resource ? listOf(kube, { ...resource, apiVersion, kind }, options) : [];
}

/** The same of a kind whose place is known; none when it has gone meanwhile. */
export async function listOf(
  kube: Kubernetes,
  resource: ApiResource,
  { namespace, labelSelector, limit, signal }: ListOptions,
): Promise<readonly KubernetesObject[]> {
  const { apiVersion, kind } = resource;
  try {
    const { items } = await kube.json<ObjectList<KubernetesObject>>({
      path: objectPath(resource, { namespace }),
      query: { labelSelector, limit },
      headers: metadataOnly,
      signal,
    });
    // An empty list of metadata has null for its items.
    return (items ?? []).map((item) => ({ ...item, apiVersion, kind }));
  } catch (error) {
    if (isApiError(error, 404, 405)) return [];
    throw error;
  }
}

/**
 * The values of a Secret, decoded; `undefined` when there is none of that name. For the moment in which they are
 * needed: they belong into no result, log or error.
 * @throws ApiError
 */
export async function readSecret(
  kube: Pick<Kubernetes, 'json'>,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
  try {
    const { data = {} } = await kube.json<{ data?: Readonly<Record<string, string>> }>({ path, signal });
    return Object.fromEntries(
      Object.entries(data).map(([key, base64]) => [key, Buffer.from(base64, 'base64').toString('utf8')]),
    );
  } catch (error) {
    if (isApiError(error, 404)) return undefined;
    throw error;
  }
}
