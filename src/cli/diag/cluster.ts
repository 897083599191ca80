import { existsSync } from 'node:fs';
import type { Config } from '../../config.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import { releaseName } from '../../domain/release.js';
import { clusterFolder } from '../../targets/embedded/folder.js';
import { podsOfComponent } from '../../tools/kubernetes/component-pods.js';
import { connectKubernetes, type Kubernetes } from '../../tools/kubernetes/connection.js';
import type { ObjectList, Pod } from '../../tools/kubernetes/objects.js';
import { ownNamespaces } from '../../tools/kubernetes/teardown.js';
import { observeRelease } from '../../tools/helm/release-record.js';
import { isSecretName } from '../../tools/redact.js';
import type { KnownEnvironment } from './environment.js';
import { secretsIn } from './known-secrets.js';
import { collectParts, merge, type Findings, type Part } from './part.js';
import { eventsPart, logParts, objectsPart } from './cluster-parts.js';

/** What of the cluster is the environment's. */
export interface Scope {
  readonly kube: Kubernetes;
  /** All in them is ours. */
  readonly namespaces: readonly string[];
  readonly pods: readonly Pod[];
}

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
        kube = connectKubernetes(place);
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

/**
 * A shorter value under a name that does not say "secret" is a setting or a name, and a word of other texts. In
 * characters.
 */
const telling = 8;

/** Only to know what must not stand anywhere. */
function secretsPart({ kube, namespaces }: Scope): Part {
  return {
    what: 'the contents of Secrets, which would be looked for in all files to hide them',
    limitMs: 15_000,
    collect: async (signal) => {
      const lists = await Promise.all(
        namespaces.map((namespace) =>
          kube.json<ObjectList<{ type?: string; data?: Record<string, string> }>>({
            path: `/api/v1/namespaces/${namespace}/secrets`,
            signal,
          }),
        ),
      );
      const secrets = lists
        .flatMap(({ items }) => items ?? [])
        .filter(({ type }) => type !== 'helm.sh/release.v1')
        .flatMap(({ data = {} }) => Object.entries(data))
        .filter(([key]) => !/^(?:namespace|(?:ca|tls)\.crt)$/u.test(key))
        .map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')] as const)
        .filter(([key, value]) => isSecretName(key) || value.length >= telling)
        .map(([, value]) => value);
      return { secrets: secretsIn(secrets.map((value) => ({ name: 'secret', value }))) };
    },
  };
}

function releasesPart({ kube }: Scope, spec: EnvironmentSpec | undefined): Part {
  return {
    what: 'the Helm releases',
    limitMs: 15_000,
    collect: async (signal) => {
      const wanted = Object.entries(spec?.stack.components ?? {}).flatMap(([component, { release }]) =>
        release ? [{ namespace: release.namespace, name: releaseName(component, release) }] : [],
      );
      const content = await Promise.all(
        wanted.map(async (name) => {
          const found = await observeRelease(kube, name, signal);
          if (!found) return { ...name, status: 'not installed' };
          const { status, revision, chart, lastDeployed, description, history } = found;
          return { ...name, status, revision, chart, lastDeployed, description, history };
        }),
      );
      const what = 'the Helm releases: chart, version, status, revisions; no values';
      return { files: [{ path: 'cluster/releases.json', what, content }] };
    },
  };
}
