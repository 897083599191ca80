import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { describe, type KubernetesObject, type ObjectList, type ObjectMeta } from './objects.js';
import { metadataOnly } from './observe.js';
import { ownershipOf, type Owner } from './ownership.js';

interface ManagedMeta extends ObjectMeta {
  readonly managedFields?: readonly { readonly manager?: string }[];
}

interface ApiResource {
  readonly root: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** Made by Kubernetes itself in every namespace, or about objects that are gone. */
const ofKubernetes = new Set([
  'Event',
  'Endpoints',
  'EndpointSlice',
  'Lease',
  'ControllerRevision',
  'PodMetrics',
]);
const ofEveryNamespace = new Set(['ServiceAccount default', 'ConfigMap kube-root-ca.crt']);

/** Programs write these for themselves while they run (certificates, states); nobody of ours is left to remove them. */
const writtenByPrograms = new Set(['Secret', 'ConfigMap', 'Order', 'CertificateRequest', 'Challenge']);

/** How people and delivery tools sign what they write. */
const handTools =
  /^(kubectl|helm|k9s|lens|freelens|terraform|pulumi|argocd|flux|kustomize|ansible|mozilla|okhttp|oc\b|rancher|headlamp|node-fetch|python)/iu;

/**
 * What in a namespace of ours belongs to others, such as `Deployment shared/web`. Ours, and so none of these, is what
 * carries our label, what an owner reference ties to another object (its owner is looked at), what Kubernetes makes by
 * itself, and Secrets and ConfigMaps that a program wrote at run time rather than a person or a delivery tool.
 */
export async function findStrangers(
  kube: Kubernetes,
  namespace: string,
  owner: Pick<Owner, 'environment'>,
  signal?: AbortSignal,
): Promise<string[]> {
  const resources = await namespacedResources(kube, signal);
  const lists = await Promise.all(resources.map((resource) => listOf(kube, resource, namespace, signal)));
  return lists
    .flat()
    .filter((object) => isStrange(object, owner))
    .map(describe);
}

function isStrange(object: KubernetesObject, owner: Pick<Owner, 'environment'>): boolean {
  const metadata: ManagedMeta = object.metadata;
  if (ofKubernetes.has(object.kind) || ofEveryNamespace.has(`${object.kind} ${metadata.name}`)) return false;
  if (ownershipOf(metadata, owner) === 'ours' || (metadata.ownerReferences?.length ?? 0) > 0) return false;
  if (!writtenByPrograms.has(object.kind)) return true;
  return (metadata.managedFields ?? []).some(({ manager }) => handTools.test(manager ?? ''));
}

async function listOf(
  kube: Kubernetes,
  { root, apiVersion, kind, name }: ApiResource,
  namespace: string,
  signal?: AbortSignal,
): Promise<KubernetesObject[]> {
  try {
    const path = `${root}/namespaces/${namespace}/${name}`;
    const { items } = await kube.json<ObjectList<KubernetesObject>>({ path, headers: metadataOnly, signal });
    return (items ?? []).map((item) => ({ ...item, apiVersion, kind }));
  } catch (error) {
    if (isApiError(error, 404, 405)) return [];
    throw error;
  }
}

/** One version of every kind that lives in namespaces and can be listed. */
async function namespacedResources(kube: Kubernetes, signal?: AbortSignal): Promise<ApiResource[]> {
  const groups = await kube.json<{ groups: { preferredVersion: { groupVersion: string } }[] }>({
    path: '/apis',
    signal,
  });
  const versions = ['v1', ...groups.groups.map(({ preferredVersion }) => preferredVersion.groupVersion)];
  const lists = await Promise.all(
    versions.map(async (apiVersion) => {
      const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
      const { resources } = await kube.json<{
        resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
      }>({ path: root, signal });
      return resources
        .filter(
          ({ name, namespaced, verbs }) =>
            namespaced && verbs.includes('list') && verbs.includes('delete') && !name.includes('/'),
        )
        .map(({ name, kind }) => ({ root, apiVersion, kind, name }));
    }),
  );
  return lists.flat();
}
