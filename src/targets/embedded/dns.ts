import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { applyObjects } from '../../tools/kubernetes/apply.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import type { Pod } from '../../tools/kubernetes/objects.js';

const manifest = new URL('../../../embedded/coredns.yaml', import.meta.url);
const namespace = 'kube-system';
/** Part of the cluster, not of any environment in it: no environment can have a name with a dot. */
const owner = { environment: 'embedded.cluster', component: 'dns' };

/** Applies the cluster DNS with the given image. May be repeated at any time. */
export async function applyDns(kube: Kubernetes, image: string, signal?: AbortSignal): Promise<void> {
  const documents = parseAllDocuments(await readFile(manifest, 'utf8'));
  const objects = documents.map((document) => document.toJS() as KubernetesObjectSpec);
  for (const object of objects) if (object.kind === 'Deployment') setImage(object, image);
  await applyObjects(kube, { objects, namespace, owner, adopt: true, signal });
}

function setImage(deployment: KubernetesObjectSpec, image: string): void {
  const { spec } = deployment as unknown as {
    spec: { template: { spec: { containers: { image: string }[] } } };
  };
  for (const container of spec.template.spec.containers) container.image = image;
}

/** Whether the pod is one of cluster DNS. */
export function isDnsPod({ metadata }: Pod): boolean {
  return metadata.namespace === namespace && metadata.labels?.['k8s-app'] === 'kube-dns';
}
