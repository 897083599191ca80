import { stringify } from 'yaml';
import type { K3dSettings } from '../../domain/k3d-settings.js';
import { ownershipLabels } from '../../domain/names.js';
import { nodeProxies } from './proxies.js';

export interface ClusterWish {
  /** What k3d calls it. */
  readonly name: string;
  readonly environment: string;
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
  const { settings, environment } = wish;
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
        labels: [{ label: `${ownershipLabels.environment}=${environment}`, nodeFilters: ['all'] }],
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
