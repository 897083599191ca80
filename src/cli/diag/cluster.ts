import { existsSync } from 'node:fs';
import type { Config } from '../../config.js';
import { clusterFolder } from '../../targets/embedded/folder.js';
import { podsOfComponent } from '../../tools/kubernetes/component-pods.js';
import { connectKubernetes, type Kubernetes } from '../../tools/kubernetes/connection.js';
import type { ObjectList, Pod } from '../../tools/kubernetes/objects.js';
import { ownNamespaces } from '../../tools/kubernetes/teardown.js';
import type { KnownEnvironment } from './environment.js';
import { secretsIn } from './secrets.js';
import { collectParts, type Findings, merge, type Part } from './part.js';
import { eventsPart, logParts, objectsPart, releasesPart, secretsPart, type Scope } from './cluster-parts.js';

/** Looks into the cluster of the environment, changes nothing, and never shows what Secrets and ConfigMaps hold. */
export async function collectCluster(
  config: Config,
  known: KnownEnvironment,
  signal: AbortSignal,
): Promise<Findings> {
  const place = placeOf(config, known);
  if (!place)
    return merge([{ missing: [{ what: 'everything of the cluster', why: 'no cluster is known here' }] }]);
  let kube: Kubernetes | undefined;
  let scope: Scope | undefined;
  try {
    const look: Part = {
      what: 'everything of the cluster',
      limitMs: 20_000,
      collect: async (limit) => {
        kube = connectKubernetes({ ...place, kubectl: config });
        const version = await kube.serverVersion(limit);
        scope = await scopeOf(kube, known, place.owned, limit);
        const content = {
          version,
          server: kube.serverUrl,
          context: kube.context,
          namespaces: scope.namespaces,
        };
        return {
          secrets: secretsIn(scope.pods),
          files: [{ path: 'cluster/cluster.json', what: 'the cluster and our namespaces', content }],
        };
      },
    };
    const first = await collectParts([look], signal);
    if (!scope) return first;
    const parts = [
      secretsPart(scope),
      releasesPart(scope, known.spec),
      eventsPart(scope),
      objectsPart(scope, known.environment ?? ''),
      ...logParts(scope),
    ];
    return merge([first, await collectParts(parts, signal)]);
  } finally {
    kube?.close();
  }
}

/** Where the environment itself cannot be asked, the files of this machine tell. */
function placeOf(
  { stateDir }: Config,
  { environment, spec, progress }: KnownEnvironment,
): { kubeconfigPath: string; context?: string | undefined; owned: boolean } | undefined {
  if (progress?.cluster) return progress.cluster;
  if (spec?.target.kubeconfigPath !== undefined)
    return { kubeconfigPath: spec.target.kubeconfigPath, context: spec.target.context, owned: false };
  const kubeconfigPath = clusterFolder(stateDir, environment ?? '').kubeconfig;
  return existsSync(kubeconfigPath) ? { kubeconfigPath, owned: true } : undefined;
}

async function scopeOf(
  kube: Kubernetes,
  { environment = '', spec }: KnownEnvironment,
  owned: boolean,
  signal: AbortSignal,
): Promise<Scope> {
  const all = async <T>(path: string): Promise<readonly T[]> =>
    (await kube.json<ObjectList<T>>({ path, signal })).items ?? [];
  if (owned) {
    const found = await all<{ metadata: { name: string } }>('/api/v1/namespaces');
    const namespaces = found.map(({ metadata }) => metadata.name);
    return { kube, namespaces, pods: await all<Pod>('/api/v1/pods') };
  }
  // Others live there as well: theirs is none of our business.
  const namespaces = (await ownNamespaces(kube, { environment }, signal)).map(
    ({ metadata }) => metadata.name,
  );
  const pods = await Promise.all(
    Object.entries(spec?.stack.components ?? {}).map(([component, definition]) =>
      podsOfComponent(kube, { environment, component }, definition, signal),
    ),
  );
  return { kube, namespaces, pods: pods.flat() };
}
