import { stringify } from 'yaml';
import type { K3dSettings } from '../../domain/k3d-settings.js';
import { ownershipLabels } from '../../domain/names.js';
import { stateDirLabel } from './docker.js';

export interface ClusterWish {
  /** What k3d calls it. */
  readonly name: string;
  readonly environment: string;
  /** Absolute. */
  readonly stateDir: string;
  readonly settings: K3dSettings;
  /** Where `registriesFile` is written. */
  readonly registriesPath: string;
  /** Of this process: proxies go on to the nodes. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** For each of k3d's three phases, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * The text of a k3d.io/v1alpha5 file. k3d replaces `$NAME` in it: the proxies stand there by name, because they may
 * hold passwords. A failed creation is not rolled back, so that its logs can be had.
 */
export function k3dConfigFile(wish: ClusterWish): string {
  const { settings, environment, stateDir } = wish;
  return stringify({
    apiVersion: 'k3d.io/v1alpha5',
    kind: 'Simple',
    metadata: { name: wish.name },
    servers: 1,
    agents: 0,
    image: settings.image,
    kubeAPI: { hostIP: '127.0.0.1', hostPort: String(settings.apiPort) },
    ports: settings.ports.map((port) => ({
      port: `127.0.0.1:${port.replace('@loadbalancer', '')}`,
      nodeFilters: ['loadbalancer'],
    })),
    env: nodeProxies(wish.name, wish.variables).map((envVar) => ({ envVar, nodeFilters: ['server:*'] })),
    ...(settings.mirrors && { registries: { config: wish.registriesPath } }),
    options: {
      k3d: { wait: true, timeout: `${String(Math.ceil(wish.timeoutMs / 1000))}s`, disableRollback: true },
      kubeconfig: { updateDefaultKubeconfig: false, switchCurrentContext: false },
      runtime: {
        labels: [`${ownershipLabels.environment}=${environment}`, `${stateDirLabel}=${stateDir}`].map(
          (label) => ({ label, nodeFilters: ['all'] }),
        ),
      },
    },
  });
}

/** The text of k3s's registries.yaml; `undefined` when images come from where their names say. */
export function registriesFile({ mirrors }: K3dSettings): string | undefined {
  if (!mirrors) return undefined;
  const entries = Object.entries(mirrors).map(([host, endpoint]) => [host, { endpoint }] as const);
  return stringify({ mirrors: Object.fromEntries(entries) });
}

/** Addresses inside a cluster that must never be asked of a proxy: pods, services, Docker's networks, names. */
const clusterAddresses = [
  '127.0.0.0/8',
  'localhost',
  // k3s: --cluster-cidr and --service-cidr
  '10.42.0.0/16',
  '10.43.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '.svc',
  '.cluster.local',
  'host.k3d.internal',
] as const;

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY'] as const;

type Variables = Readonly<Record<string, string | undefined>>;

function valueOf(variables: Variables, name: string): { name: string; value: string } | undefined {
  for (const variant of [name, name.toLowerCase()]) {
    const value = variables[variant];
    if (value) return { name: variant, value };
  }
  return undefined;
}

/**
 * Variables for the nodes of a machine behind a proxy, as k3d writes them: without the cluster's own addresses among
 * the exceptions, nothing in it would find anything (k3d#339). Empty where there is no proxy.
 */
export function nodeProxies(cluster: string, variables: Variables): string[] {
  const proxies = proxyVariables.flatMap((name) => {
    const found = valueOf(variables, name);
    return found ? [`${name}=$${found.name}`] : [];
  });
  if (proxies.length === 0) return [];
  const exceptions = [
    ...(valueOf(variables, 'NO_PROXY')?.value.split(',') ?? []),
    ...clusterAddresses,
    `k3d-${cluster}-server-0`,
    `k3d-${cluster}-serverlb`,
  ];
  return [
    ...proxies,
    `NO_PROXY=${[...new Set(exceptions.map((it) => it.trim()).filter(Boolean))].join(',')}`,
  ];
}

/** The proxy that only this machine can reach and no container; `undefined` when there is none such. */
export function loopbackProxy(variables: Variables): string | undefined {
  return proxyVariables.find((name) =>
    /^(?:\w+:\/\/)?(?:[^@/]*@)?(?:localhost|127\.|\[::1\])/u.test(valueOf(variables, name)?.value ?? ''),
  );
}
