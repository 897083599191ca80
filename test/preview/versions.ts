import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import type { KubernetesObject, ObjectList } from '../../src/tools/kubernetes/objects.js';

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
}

/** Leases and Events are written by the API server itself, all the time. */
const volatile = new Set(['leases', 'events']);

/** The resource versions of all objects of the cluster, by their place: what was changed, made or removed shows. */
export async function versionsOfAll(kube: Kubernetes): Promise<Record<string, string>> {
  const { groups } = await kube.json<{ groups: { preferredVersion: { groupVersion: string } }[] }>({
    path: '/apis',
  });
  const roots = [
    '/api/v1',
    ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`),
  ];
  const found = await Promise.all(
    roots.map(async (root) => {
      const { resources } = await kube.json<ResourceList>({ path: root });
      const listed = resources.filter(({ name, verbs }) => verbs.includes('list') && !volatile.has(name));
      return Promise.all(listed.map(({ name }) => versionsOf(kube, `${root}/${name}`)));
    }),
  );
  return Object.fromEntries(found.flat(2));
}

async function versionsOf(kube: Kubernetes, path: string): Promise<[string, string][]> {
  const { items } = await kube.json<ObjectList<KubernetesObject>>({ path });
  return (items ?? []).map(({ metadata: { namespace = '', name, resourceVersion = '' } }) => [
    `${path} ${namespace}/${name}`,
    resourceVersion,
  ]);
}
