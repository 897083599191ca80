import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { listApiResources, objectPath } from '../../src/tools/kubernetes/discovery.js';
import type { KubernetesObject, ObjectList } from '../../src/tools/kubernetes/objects.js';

/** Labels of one of the Secrets in which helm keeps a revision of a release. */
export interface RevisionLabels {
  readonly name: string;
  readonly status: string;
  readonly version: string;
}

/**
 * What an install has left that a smooth one does not: releases that are not `deployed`, more revisions than one, and
 * objects of hooks. Empty when there is nothing.
 */
export async function leftoversOf(kube: Kubernetes): Promise<string[]> {
  const { items: records } = await kube.json<ObjectList<KubernetesObject>>({
    path: '/api/v1/secrets',
    query: { labelSelector: 'owner=helm' },
  });
  const { resources } = await listApiResources(kube);
  const lists = await Promise.all(
    resources.map(async (resource) => {
      const { items } = await kube.json<ObjectList<KubernetesObject>>({ path: objectPath(resource, {}) });
      return (items ?? [])
        .filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] !== undefined)
        .map(({ metadata }) => `hook ${resource.kind} ${metadata.name}`);
    }),
  );
  const labels = (records ?? []).map(({ metadata }) => metadata.labels as unknown as RevisionLabels);
  return [...releaseRemains(labels), ...lists.flat()];
}

/** `operator: pending-install`, `tempo: revisions 1, 2`; one entry for each release that is not as after one install. */
export function releaseRemains(labels: readonly RevisionLabels[]): string[] {
  const releases = [...new Set(labels.map(({ name }) => name))].sort();
  return releases.flatMap((release) => {
    const revisions = labels
      .filter(({ name }) => name === release)
      .sort((a, b) => Number(a.version) - Number(b.version));
    const status = revisions.at(-1)?.status;
    return [
      ...(status === 'deployed' ? [] : [`${release}: ${String(status)}`]),
      ...(revisions.length > 1 ? [`${release}: ${String(revisions.length)} revisions`] : []),
    ];
  });
}
