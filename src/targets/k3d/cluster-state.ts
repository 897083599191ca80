import type { K3dSettings } from '../../domain/k3d-settings.js';
import type { K3dContainer } from './docker.js';

/**
 * What the containers of a cluster amount to.
 * - `half-made`: k3d died while it made them, or one of them cannot live: only making the cluster anew helps
 * - `stopped`: complete, but something of it does not run
 * - `running`: complete, and everything runs; whether it answers is another question
 */
export type K3dFound =
  | { readonly kind: 'absent' }
  | { readonly kind: 'half-made'; readonly reason: string }
  | { readonly kind: 'stopped' | 'running' };

/** So many restarts, and a container is taken to end right after each start. */
const restartsToGiveUp = 5;

/** Whether the environment's own containers are among them; without any server nobody else can have a cluster there. */
export function isOurs(containers: readonly K3dContainer[], environment: string): boolean {
  const owned = containers.filter(({ role }) => role === 'server' || role === 'loadbalancer');
  return owned.every((container) => container.environment === environment);
}

export function classify(containers: readonly K3dContainer[]): K3dFound {
  if (containers.length === 0) return { kind: 'absent' };
  const servers = containers.filter(({ role }) => role === 'server');
  const balancer = containers.find(({ role }) => role === 'loadbalancer');
  const halfMade = (reason: string): K3dFound => ({ kind: 'half-made', reason });
  if (servers.length === 0)
    return halfMade(`it has 0 servers, only ${containers.map(({ name }) => name).join(', ')}`);
  const tokenless = servers.find(({ hasToken }) => !hasToken);
  if (tokenless) return halfMade(`${tokenless.name} has no cluster token`);
  if (!balancer) return halfMade('its load balancer (serverlb) is missing');
  for (const container of [...servers, balancer]) {
    const trouble = troubleOf(container);
    if (trouble !== undefined) return halfMade(`${container.name} ${trouble}`);
  }
  const allRun = [...servers, balancer].every(
    ({ status }) => status === 'running' || status === 'restarting',
  );
  return { kind: allRun ? 'running' : 'stopped' };
}

function troubleOf({ status, startedAt, restarts }: K3dContainer): string | undefined {
  // Docker's zero time.
  if (status === 'created' || startedAt.startsWith('0001-')) return 'was never started';
  if (status === 'dead' || status === 'removing') return `is ${status}`;
  if (status === 'restarting' && restarts >= restartsToGiveUp)
    return `keeps ending: ${String(restarts)} restarts`;
  return undefined;
}

/** Addresses of a published port that a connection to 127.0.0.1 reaches. */
const reachable = new Set(['', '0.0.0.0', '127.0.0.1', '::']);

interface Shape {
  readonly image: string;
  readonly servers: string;
  readonly agents: string;
  readonly 'API port': string;
  readonly ports: string;
}

/**
 * Compares the containers of a cluster with what it should be; empty when it is the same. A line for each difference:
 * `image: rancher/k3s:v1.25.6-k3s1, wanted rancher/k3s:v1.31.5-k3s1`.
 */
export function differences(containers: readonly K3dContainer[], settings: K3dSettings): string[] {
  const [actual, wanted] = [actualShape(containers), wantedShape(settings)];
  return (Object.keys(wanted) as (keyof Shape)[])
    .filter((key) => actual[key] !== wanted[key])
    .map((key) => `${key}: ${actual[key]}, wanted ${wanted[key]}`);
}

function wantedShape({ image, apiPort, ports }: K3dSettings): Shape {
  return {
    image: plainImage(image),
    servers: '1',
    agents: '0',
    'API port': String(apiPort),
    ports: listed(ports.map((port) => port.replace('@loadbalancer', ''))),
  };
}

function actualShape(containers: readonly K3dContainer[]): Shape {
  const withRole = (role: string): K3dContainer[] => containers.filter((it) => it.role === role);
  const servers = withRole('server');
  const published = withRole('loadbalancer').flatMap(publishedPorts);
  const api = published.filter(({ inside }) => inside === '6443').map(({ outside }) => outside);
  return {
    image: [...new Set(servers.map(({ image }) => plainImage(image)))].join(' and '),
    servers: String(servers.length),
    agents: String(withRole('agent').length),
    'API port': listed(api),
    ports: listed(
      published
        .filter(({ inside }) => inside !== '6443')
        .map(({ outside, inside }) => `${outside}:${inside}`),
    ),
  };
}

function publishedPorts({ ports }: K3dContainer): { outside: string; inside: string }[] {
  return Object.entries(ports ?? {}).flatMap(([key, bindings]) => {
    // `6443` or `80/tcp`: k3d writes both.
    const inside = key.replace('/tcp', '');
    return (bindings ?? []).map(({ HostIp, HostPort }) => ({
      outside: reachable.has(HostIp) ? HostPort : `${HostIp}:${HostPort}`,
      inside,
    }));
  });
}

/** Docker Hub has a name that may be left out. */
function plainImage(image: string): string {
  return image.replace(/^(?:docker\.io|index\.docker\.io)\//u, '');
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : [...items].sort().join(', ');
}
