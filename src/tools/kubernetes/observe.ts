import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { objectPath } from './discovery.js';
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

/** The metadata of all objects of a kind, in all namespaces or in one; none when the cluster does not know the kind. */
export async function listMetadata(
  kube: Kubernetes,
  {
    apiVersion,
    kind,
    namespace,
    labelSelector,
    limit,
    signal,
  }: {
    apiVersion: string;
    kind: string;
    namespace?: string;
    labelSelector?: string;
    limit?: number;
    signal?: AbortSignal | undefined;
  },
): Promise<readonly KubernetesObject[]> {
  const resource = await kube.discovery.find(apiVersion, kind, signal);
  if (!resource) return [];
  const path = objectPath(resource, { namespace });
  try {
    const list = await kube.json<ObjectList<KubernetesObject>>({
      path,
      query: { labelSelector, limit },
      headers: metadataOnly,
      signal,
    });
    // An empty list of metadata has null for its items.
    return (list.items ?? []).map((item) => ({ ...item, apiVersion, kind }));
  } catch (error) {
    if (isApiError(error, 404)) return [];
    throw error;
  }
}
