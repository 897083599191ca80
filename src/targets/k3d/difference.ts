import type { K3dSettings } from '../../domain/k3d-settings.js';
import type { K3dContainer } from './docker.js';

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
