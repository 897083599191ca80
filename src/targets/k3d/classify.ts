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
