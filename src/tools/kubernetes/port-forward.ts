import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { TracewrightError } from '../../domain/failure.js';
import type { Kubernetes } from './connection.js';
import { type ServiceAddress, readyPodOf } from './services.js';

export interface PortForwardOptions {
  /** The local address. */
  readonly host: string;
  /** The local port; where it is taken, the next free one. */
  readonly port: number;
  /** Take this port or fail. @default false */
  readonly fixed?: boolean;
  /** Why a connection got no answer; once for each outage. */
  readonly onTrouble: (message: string) => void;
}

export interface PortForwarding {
  /** Where it listens. */
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** A connection waits so long for a ready pod, in milliseconds: as long as a restart takes. */
const patienceMs = 30_000;
const lookAgainMs = 500;
/** So many ports are tried from the first on. */
const portsTried = 100;

/**
 * Listens on a local port and connects each caller with a ready pod of the Service, chosen anew for each connection: so
 * it outlives its pods. What is open when a pod ends, ends.
 * @throws TracewrightError `service.unavailable`, `port.taken`, `usage.invalid` for a local address that is none,
 * `cluster.*`
 */
export async function forwardPort(
  kube: Kubernetes,
  service: ServiceAddress,
  options: PortForwardOptions,
): Promise<PortForwarding> {
  // What can never work is said now, not to the first caller.
  await readyPodOf(kube, service);
  const callers = new Set<Socket>();
  let troubled = false;
  const server = createServer((caller) => {
    callers.add(caller);
    caller.once('close', () => callers.delete(caller));
    connect(kube, service, caller).then(
      () => (troubled = false),
      (error: unknown) => {
        caller.destroy();
        if (!troubled) options.onTrouble((error as Error).message);
        troubled = true;
      },
    );
  });
  const port = await listenOn(server, options);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const caller of callers) caller.destroy();
      }),
  };
}

/** Joins the caller with a pod until one of the two ends. */
async function connect(kube: Kubernetes, service: ServiceAddress, caller: Socket): Promise<void> {
  // A caller that hangs up has what it wanted: it is no trouble, and must not end the program either.
  caller.on('error', () => undefined);
  const pod = await reach(kube, service, caller);
  let trouble: Error | undefined;
  pod?.once('error', (error) => (trouble = error));
  await (pod && pipeline(caller, pod, caller).catch(() => undefined));
  if (trouble && !isHangUp(trouble)) throw trouble;
}

/** @returns undefined when the caller hung up meanwhile */
async function reach(kube: Kubernetes, service: ServiceAddress, caller: Socket): Promise<Duplex | undefined> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const pod = await kube.connectPod(await readyPodOf(kube, service));
      if (!caller.destroyed) return pod;
      pod.destroy();
      return undefined;
    } catch (error) {
      if (caller.destroyed) return undefined;
      const forGood = error instanceof TracewrightError && error.type === 'cluster.forbidden';
      if (forGood || Date.now() > deadline) throw error;
      await sleep(lookAgainMs);
    }
  }
}

/** The other side of a pipeline was closed before it ended. */
function isHangUp(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'ECONNRESET';
}

/**
 * Listens on the port, or on the next free one.
 * @throws TracewrightError `port.taken`, `usage.invalid` for an address that is none of this machine
 */
export async function listenOn(
  server: Server,
  { host, port, fixed = false }: Pick<PortForwardOptions, 'host' | 'port' | 'fixed'>,
): Promise<number> {
  const last = fixed ? port : Math.min(port + portsTried - 1, 65_535);
  for (let candidate = port; candidate <= last; candidate += 1) {
    const code = await tryListen(server, host, candidate);
    if (code === undefined) return candidate;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw wrongAddress(host, candidate, code);
  }
  throw new TracewrightError({
    type: 'port.taken',
    message: fixed
      ? `The port ${String(port)} of ${host} is taken, or not yours to use.`
      : `No port from ${String(port)} to ${String(last)} of ${host} is free.`,
    remedy: 'End what listens there, or choose another port with --port.',
  });
}

/** @returns the code of the error, undefined when it listens */
function tryListen(server: Server, host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const failed = ({ code = 'unknown' }: NodeJS.ErrnoException): void => {
      resolve(code);
    };
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed);
      resolve(undefined);
    });
  });
}

function wrongAddress(host: string, port: number, code: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `It cannot listen on ${host}, port ${String(port)}: ${code}.`,
    remedy: 'Give an address of this machine: 127.0.0.1, or 0.0.0.0 for all.',
  });
}
