import { createServer } from 'node:net';
import { TracewrightError } from '../../domain/failure.js';
import type { K3dSettings } from '../../domain/k3d-settings.js';
import { portHolder } from '../../tools/port-holder.js';
import { publisherOf, type Docker } from './docker.js';

/** The ports of this machine that the cluster publishes, each with what it is for. */
export function publishedPorts({ apiPort, ports }: K3dSettings): { port: number; purpose: string }[] {
  return [
    { port: apiPort, purpose: 'the API server' },
    ...ports.map((text) => {
      const [outside, inside] = text.split(':');
      return { port: Number(outside), purpose: `port ${String(parseInt(inside ?? '', 10))} of the cluster` };
    }),
  ];
}

/**
 * Makes sure that nothing else has the ports that the cluster publishes.
 * @throws TracewrightError `port.taken` that names each port and, where it can be found, its holder
 */
export async function requireFreePorts(context: Docker, settings: K3dSettings): Promise<void> {
  const taken: string[] = [];
  for (const { port, purpose } of publishedPorts(settings)) {
    const container = await publisherOf(context, port);
    if (container === undefined && (await canBind(port))) continue;
    const holder = container === undefined ? await portHolder(port) : `the container ${container}`;
    taken.push(
      `${String(port)} (for ${purpose}) is used by ${holder ?? 'a program that may not be looked at'}`,
    );
  }
  if (taken.length === 0) return;
  throw new TracewrightError({
    type: 'port.taken',
    message: `The k3d cluster needs ports of 127.0.0.1 that are in use: ${taken.join('; ')}.`,
    remedy: 'End what uses them, or choose other ports under `k3d` in a stack file of your own.',
    evidence: taken,
  });
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      // Ports below 1024 are not ours to try, but they are Docker's.
      resolve(code === 'EACCES');
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
