import type { ApiResource } from './api-resources.js';
import type { Kubernetes } from './connection.js';
import { describe, type KubernetesObject } from './objects.js';
import { listOf } from './observe.js';
import { isHandwritten, ownershipOf, type Owner } from './ownership.js';

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

/** Whether Kubernetes makes the object by itself in every namespace. */
export function isOfEveryNamespace({ kind, metadata }: KubernetesObject): boolean {
  return ofEveryNamespace.has(`${kind} ${metadata.name}`);
}

/** Programs write these for themselves while they run (certificates, states); nobody of ours is left to remove them. */
const writtenByPrograms = new Set(['Secret', 'ConfigMap', 'Order', 'CertificateRequest', 'Challenge']);

/**
 * What in a namespace of ours belongs to others, such as `Deployment shared/web`. Ours, and so none of these, is what
 * carries our label, what an owner reference ties to another object (its owner is looked at), what Kubernetes makes by
 * itself, and Secrets and ConfigMaps that a program wrote at run time rather than a person or a delivery tool.
 */
export async function findStrangers(
  kube: Kubernetes,
  namespace: string,
  owner: Pick<Owner, 'environment'>,
  { resources, signal }: { resources: readonly ApiResource[]; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const lists = await Promise.all(
    resources
      .filter(({ namespaced }) => namespaced)
      .map((resource) => listOf(kube, resource, { namespace, signal })),
  );
  return lists
    .flat()
    .filter((object) => isStrange(object, owner))
    .map(describe);
}

function isStrange(object: KubernetesObject, owner: Pick<Owner, 'environment'>): boolean {
  const { metadata } = object;
  if (ofKubernetes.has(object.kind) || isOfEveryNamespace(object)) return false;
  if (ownershipOf(metadata, owner) === 'ours' || (metadata.ownerReferences?.length ?? 0) > 0) return false;
  if (!writtenByPrograms.has(object.kind)) return true;
  return isHandwritten(metadata);
}
