import type { Component, ReleaseSpec } from '../../domain/stack.js';
import { helmAnnotations } from '../helm/release-objects.js';
import { isApiError } from './api-error.js';
import type { Kubernetes } from './connection.js';
import { objectPath } from './discovery.js';
import type { KubernetesObject, ObjectList, ObjectMeta, Pod } from './objects.js';
import { labelsOf, type Owner } from './ownership.js';

/** Where a component puts its objects. */
export interface ComponentPlace {
  readonly release?: Pick<ReleaseSpec, 'name' | 'namespace'> | undefined;
  readonly manifests?: Component['manifests'];
}

type OwnerReference = NonNullable<ObjectMeta['ownerReferences']>[number];

/**
 * The pods of a component: those made by its objects, found by going up from each pod to what owns it. So the pods that
 * an operator makes of a custom resource count to the component that has the resource, not to the operator.
 */
export async function podsOfComponent(
  kube: Kubernetes,
  owner: Required<Owner>,
  component: ComponentPlace,
  signal?: AbortSignal,
): Promise<Pod[]> {
  const isOwn = ownershipTest(owner, component);
  const known = new Map<string, Promise<boolean>>();
  const belongs = async (metadata: ObjectMeta, namespace: string): Promise<boolean> => {
    if (isOwn(metadata)) return true;
    const owners = (metadata.ownerReferences ?? []).map((reference) => {
      const answer = known.get(reference.uid) ?? ofOwner(reference, namespace);
      known.set(reference.uid, answer);
      return answer;
    });
    return (await Promise.all(owners)).includes(true);
  };
  const ofOwner = async (reference: OwnerReference, namespace: string): Promise<boolean> => {
    const owning = await readOwner(kube, reference, namespace, signal);
    return owning !== undefined && belongs(owning.metadata, namespace);
  };
  const found = await Promise.all(
    namespacesOf(component).map(async (namespace) => {
      const path = `/api/v1/namespaces/${namespace}/pods`;
      const pods = (await kube.json<ObjectList<Pod>>({ path, signal })).items ?? [];
      const own = await Promise.all(pods.map(({ metadata }) => belongs(metadata, namespace)));
      return pods.filter((_, index) => own[index]);
    }),
  );
  return found.flat();
}

function ownershipTest(
  owner: Required<Owner>,
  { release }: ComponentPlace,
): (metadata: ObjectMeta) => boolean {
  if (!release) {
    const labels = Object.entries(labelsOf(owner));
    return (metadata) => labels.every(([key, value]) => metadata.labels?.[key] === value);
  }
  const { namespace, name = owner.component } = release;
  return ({ annotations = {} }) =>
    annotations[helmAnnotations.name] === name && annotations[helmAnnotations.namespace] === namespace;
}

function namespacesOf({ release, manifests }: ComponentPlace): string[] {
  const all = [
    release?.namespace,
    manifests?.namespace,
    ...(manifests?.objects ?? []).map(({ metadata }) => metadata.namespace),
  ];
  return [...new Set(all.filter((it) => it !== undefined))];
}

/** An owner is in the namespace of what it owns, or in none. @returns undefined when it is gone, or may not be read */
async function readOwner(
  kube: Kubernetes,
  { apiVersion, kind, name }: OwnerReference,
  namespace: string,
  signal?: AbortSignal,
): Promise<KubernetesObject | undefined> {
  const resource = await kube.discovery.find(apiVersion, kind, signal);
  if (!resource) return undefined;
  try {
    const path = objectPath(resource, { name, namespace });
    return await kube.json<KubernetesObject>({ path, signal });
  } catch (error) {
    if (isApiError(error, 403, 404)) return undefined;
    throw error;
  }
}
