import type { Component, Stack } from '../../domain/stack.js';
import type { Permission } from '../../tools/kubernetes/access.js';
import type { Resource } from '../../tools/kubernetes/discovery.js';

/** What is known of the cluster. */
export interface KnownCluster {
  readonly namespaces: ReadonlySet<string>;
  /** `undefined` for kinds that the cluster does not know yet: a component brings them. */
  readonly resourceOf: (apiVersion: string, kind: string) => Resource | undefined;
}

const workloads = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
} as const;

/** What Tracewright itself does with a stack, from installation to teardown; each thing once. */
export function neededPermissions({ components, proof }: Stack, cluster: KnownCluster): Permission[] {
  const { ride, collector, tempo, grafana } = proof;
  return distinct([
    ...Object.values(components).flatMap((component) => ofComponent(component, cluster)),
    ...core(ride.namespace, 'services/proxy', 'get'),
    ...core(collector.namespace, 'services/proxy', 'create'),
    ...core(collector.namespace, 'pods', 'list'),
    ...core(collector.namespace, 'pods/log', 'get'),
    ...core(tempo.namespace, 'services/proxy', 'get'),
    ...('skip' in grafana ? [] : core(grafana.namespace, 'services/proxy', 'get')),
    ...('secret' in grafana && grafana.secret
      ? [...core(grafana.namespace, 'services/proxy', 'create'), ...core(grafana.namespace, 'secrets', 'get')]
      : []),
  ]);
}

/**
 * What charts usually bring, and what stays of it when helm has uninstalled them; only the chart itself tells whether
 * it does. `up` makes it, `down` takes it away. None for a stack without releases.
 */
export function usualPermissions({ components }: Stack): Permission[] {
  const namespaces = Object.values(components).flatMap(({ release }) => (release ? [release.namespace] : []));
  if (namespaces.length === 0) return [];
  const whole = (group: string, ...resources: string[]): Permission[] =>
    resources.flatMap((resource) => of(group, undefined, resource, ...made));
  return distinct([
    ...whole('apiextensions.k8s.io', 'customresourcedefinitions'),
    ...whole('rbac.authorization.k8s.io', 'clusterroles', 'clusterrolebindings'),
    ...whole(
      'admissionregistration.k8s.io',
      'validatingwebhookconfigurations',
      'mutatingwebhookconfigurations',
    ),
    // Those that a chart has helm keep get our label, and go by it.
    ...of('apiextensions.k8s.io', undefined, 'customresourcedefinitions', ...left),
    ...namespaces.flatMap((namespace) => [
      ...core(namespace, 'services', ...made),
      ...core(namespace, 'configmaps', ...made),
      ...core(namespace, 'serviceaccounts', ...made),
      ...of('apps', namespace, 'deployments', ...made),
      ...of('rbac.authorization.k8s.io', namespace, 'roles', ...made),
      ...of('rbac.authorization.k8s.io', namespace, 'rolebindings', ...made),
      ...leftInNamespace(namespace),
    ]),
  ]);
}

const made = ['create', 'delete'] as const;
const left = ['patch', 'delete'] as const;

/** Jobs of hooks, and what programs write at run time: certificates, settings, leader leases, volume claims. */
function leftInNamespace(namespace: string): Permission[] {
  return [
    ...of('batch', namespace, 'jobs', ...left),
    ...of('coordination.k8s.io', namespace, 'leases', ...left),
    ...['secrets', 'configmaps', 'persistentvolumeclaims'].flatMap((resource) =>
      core(namespace, resource, ...left),
    ),
  ];
}

function ofComponent(component: Component, cluster: KnownCluster): Permission[] {
  const { release, manifests, ready } = component;
  const namespace = release?.namespace ?? manifests?.namespace ?? '';
  const looks = ready.flatMap((check) => {
    if ('rollout' in check) {
      const kind = check.rollout.split('/')[0] as keyof typeof workloads;
      return of('apps', namespace, workloads[kind], 'list', 'watch');
    }
    if ('exists' in check) return core(namespace, 'services', 'get');
    return 'http' in check
      ? [...core(namespace, 'services/proxy', 'get'), ...core(namespace, 'services', 'get')]
      : [];
  });
  return [
    ...(cluster.namespaces.has(namespace) ? [] : whole('namespaces', 'create', 'delete')),
    ...whole('namespaces', 'get'),
    ...core(namespace, 'pods', 'list', 'watch'),
    ...looks,
    // Helm keeps its records in Secrets, and its hooks are Jobs.
    ...(release
      ? [
          ...core(namespace, 'secrets', 'get', 'list', 'create', 'update', 'delete'),
          ...of('batch', namespace, 'jobs', 'list', 'watch'),
        ]
      : []),
    ...ofManifests(manifests, cluster),
  ];
}

/** A server-side apply is a patch, and a creation where there is nothing yet. */
function ofManifests(manifests: Component['manifests'], { resourceOf }: KnownCluster): Permission[] {
  return (manifests?.objects ?? []).flatMap(({ apiVersion, kind, metadata }) => {
    const resource = resourceOf(apiVersion, kind);
    if (!resource) return [];
    const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
    const namespace = resource.namespaced ? (metadata.namespace ?? manifests?.namespace) : undefined;
    return of(group, namespace, resource.name, 'get', 'create', 'patch', 'delete');
  });
}

function of(
  group: string,
  namespace: string | undefined,
  resource: string,
  ...verbs: readonly string[]
): Permission[] {
  return verbs.map((verb) => ({ verb, group, resource, namespace }));
}

const core = (namespace: string, resource: string, ...verbs: readonly string[]): Permission[] =>
  of('', namespace, resource, ...verbs);

const whole = (resource: string, ...verbs: string[]): Permission[] => of('', undefined, resource, ...verbs);

function distinct(permissions: readonly Permission[]): Permission[] {
  return [...new Map(permissions.map((permission) => [JSON.stringify(permission), permission])).values()];
}
