import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TracewrightError } from '../domain/failure.js';

export interface PortPair {
  /** gRPC. */
  readonly port: number;
  /** The Web UI. */
  readonly uiPort: number;
}

/** Temporal's own defaults. */
export const defaultPorts: PortPair = { port: 7233, uiPort: 8233 };

/** As many pairs are tried: 7233 and 8233, 7234 and 8234, … */
const attempts = 100;

/** In milliseconds. */
const releaseTimeoutMs = 1_000;

/**
 * The pair that a server had before when it is free, else the next free one counting from Temporal's defaults.
 * A process that was killed holds its ports until its last thread has ended: that is waited for, up to 1 s.
 * @throws TracewrightError `port.taken`
 */
export async function choosePorts(before?: PortPair): Promise<PortPair> {
  const deadline = Date.now() + releaseTimeoutMs;
  while (before && Date.now() < deadline) {
    if (await bothFree(before)) return before;
    await sleep(20);
  }
  const candidates = Array.from({ length: attempts }, (_, step) => ({
    port: defaultPorts.port + step,
    uiPort: defaultPorts.uiPort + step,
  }));
  for (const pair of candidates) if (await bothFree(pair)) return pair;
  throw new TracewrightError({
    type: 'port.taken',
    message: `No free pair of ports for the Temporal server from ${String(defaultPorts.port)} and ${String(defaultPorts.uiPort)} on.`,
    remedy: 'End what holds them (ss -ltnp shows it), or use a server of your own (TEMPORAL_ADDRESS).',
  });
}

async function bothFree({ port, uiPort }: PortPair): Promise<boolean> {
  return (await isFree(port)) && (await isFree(uiPort));
}

async function isFree(port: number): Promise<boolean> {
  return (await whyNotBindable({ port, host: '127.0.0.1' })) === undefined;
}

/** Why nobody can listen there: a code such as EADDRINUSE. Listens for a moment. `undefined`: it is free. */
export async function whyNotBindable(address: { host: string; port: number }): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code ?? 'unknown');
    });
    server.listen({ ...address, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

/**
 * As `whyNotBindable`, for a port whose holder has just ended: a process that was killed holds its ports until its last
 * thread has ended. That is waited for, up to 1 s.
 */
export async function whyStillNotBindable(address: {
  host: string;
  port: number;
}): Promise<string | undefined> {
  const deadline = Date.now() + releaseTimeoutMs;
  for (;;) {
    const why = await whyNotBindable(address);
    if (why !== 'EADDRINUSE' || Date.now() >= deadline) return why;
    await sleep(20);
  }
}
