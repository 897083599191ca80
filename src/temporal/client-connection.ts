import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, isGrpcServiceError } from '@temporalio/client';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import { connectionOptions, isLoopback, type ConnectionSettings } from './connection.js';
import { grpcCodeOf, grpcStatus } from './grpc-status.js';

export interface ConnectOptions {
  /** In milliseconds. @default 10000 */
  timeoutMs?: number;
  /** Ends the wait. */
  signal?: AbortSignal | undefined;
}

/**
 * Connects a client and makes sure that the server answers and has the namespace. The caller closes the connection.
 * @throws TracewrightError `temporal.unreachable`: which address, why, what to do; `step.cancelled`
 */
export async function connectClient(
  settings: ConnectionSettings,
  { timeoutMs = 10_000, signal }: ConnectOptions = {},
): Promise<Connection> {
  // gRPC tells a port that nobody listens on from a slow server only by the time that passes; on this machine we can
  // ask.
  if (isLoopback(settings.address)) {
    const state = await probeRestarting(settings, timeoutMs, signal);
    if (state !== 'open') throw unreachable(settings, undefined, state);
  }
  const connection = Connection.lazy({
    ...connectionOptions(settings),
    connectTimeout: timeoutMs,
    // gRPC takes the proxy of the environment for this machine, too.
    ...(isLoopback(settings.address) && { channelArgs: { 'grpc.enable_http_proxy': 0 } }),
  });
  const check = async (): Promise<void> => {
    await connection.ensureConnected();
    await connection.withDeadline(Date.now() + timeoutMs, () =>
      connection.workflowService.describeNamespace({ namespace: settings.namespace }).catch(ignoreDenied),
    );
  };
  const checked = check();
  try {
    await (signal ? untilInterrupted(signal, checked) : checked);
    return connection;
  } catch (error) {
    // Not under a call that gRPC may try again: that crashes.
    const closed = checked.catch(() => undefined).then(() => connection.close().catch(() => undefined));
    if (isTracewrightError(error)) throw error;
    await closed;
    throw unreachable(settings, error, await probePort(settings.address, 1_000));
  }
}

/** @throws TracewrightError `step.cancelled` as soon as the signal fires; what `work` does then is up to the caller */
export async function untilInterrupted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const done = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    const leave = (): void => {
      reject(interruption());
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true, signal: done.signal });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    done.abort();
  }
}

function interruption(): TracewrightError {
  return new TracewrightError({
    type: 'step.cancelled',
    message: 'Interrupted while waiting for the Temporal server.',
    remedy: 'Run the command again: it goes on from there.',
  });
}

/** Whether a Temporal server answers within `timeoutMs`. */
export async function answers(settings: ConnectionSettings, timeoutMs: number): Promise<boolean> {
  try {
    await (await connectClient(settings, { timeoutMs })).close();
    return true;
  } catch {
    return false;
  }
}

/** An API key for one namespace need not have the right to describe it. */
function ignoreDenied(error: unknown): void {
  if (grpcCodeOf(error) !== grpcStatus.permissionDenied) throw error;
}

function unreachable(settings: ConnectionSettings, error: unknown, port: PortState): TracewrightError {
  const { address, namespace, origin, embedded } = settings;
  const cause = rootCause(error);
  const code = grpcCodeOf(cause);
  const remedies: Record<number, string> = {
    [grpcStatus.notFound]: `Make the namespace (temporal operator namespace create --namespace ${namespace}), or name another one in TEMPORAL_NAMESPACE.`,
    [grpcStatus.unauthenticated]: 'Check the API key or the client certificate of the connection.',
  };
  const remedy = embedded
    ? 'Run `tracewright up` again: it starts the embedded server where it left off.'
    : 'Check that the server runs, that the address is right, and whether it wants TLS (TEMPORAL_TLS). Or unset it for the embedded server.';
  return new TracewrightError({
    type: 'temporal.unreachable',
    message: `The Temporal server at ${address} (from ${origin}) cannot be used: ${describe(cause, namespace, port)}.`,
    remedy: (code === undefined ? undefined : remedies[code]) ?? remedy,
    cause: error,
  });
}

function describe(cause: unknown, namespace: string, port: PortState): string {
  const code = grpcCodeOf(cause);
  if (code === grpcStatus.notFound) return `it has no namespace "${namespace}"`;
  if (code === grpcStatus.unauthenticated) return 'it does not accept our credentials';
  if (port === 'refused') return 'nothing listens there';
  if (port === 'unknown-host') return 'its name is not known';
  if (port === 'silent') return 'it cannot be reached';
  const text = isGrpcServiceError(cause)
    ? cause.details
    : cause instanceof Error
      ? cause.message
      : String(cause);
  if (/before the deadline|deadline exceeded/iu.test(text))
    return 'something listens there, but it did not answer as a Temporal server in time';
  return text.split('\n')[0]?.replace(/\.$/u, '') ?? text;
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined && !isGrpcServiceError(error)
    ? rootCause(error.cause)
    : error;
}

/** In milliseconds: how long nobody may listen at the port while a container restarts. */
const restartMs = 2_000;

/** As `probePort`; somebody else's server may be about to be started again, ours we start ourselves. */
async function probeRestarting(
  { address, embedded }: ConnectionSettings,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<PortState> {
  const endsAt = performance.now() + (embedded ? 0 : Math.min(restartMs, timeoutMs));
  for (;;) {
    const state = await probePort(address, timeoutMs);
    if (state !== 'refused' || performance.now() >= endsAt || signal?.aborted) return state;
    await sleep(100, undefined, { signal }).catch(() => undefined);
  }
}

/** `silent`: no answer at all in the given time. */
export type PortState = 'open' | 'refused' | 'unknown-host' | 'silent';

/** Whether something accepts TCP connections at `host:port` (brackets around an IPv6 address). Never throws. */
export async function probePort(address: string, timeoutMs: number): Promise<PortState> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/gu, ''),
      port: Number(port || 7233),
      timeout: timeoutMs,
    });
    const end = (state: PortState): void => {
      socket.destroy();
      resolve(state);
    };
    socket.once('connect', () => {
      end('open');
    });
    socket.once('timeout', () => {
      end('silent');
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      end(
        code === 'ECONNREFUSED'
          ? 'refused'
          : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
            ? 'unknown-host'
            : 'silent',
      );
    });
  });
}
