import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex, Readable, Writable } from 'node:stream';
import { Agent } from 'undici';
import { TracewrightError } from '../../domain/failure.js';
import type { ToolSource } from '../find-program.js';
import { provideKubectl } from '../helm-binary.js';
import { redact } from '../redact.js';
import { temporaryFolder } from '../writable-folder.js';
import { kubeconfigCall, type ResolvedContext } from './kubeconfig.js';
import { failureOf, noCredentials, notForwarded, tooSlow, unusable } from './kubectl-failure.js';
import type { PodPort } from './pod-connection.js';
import { unreachable, type HttpAnswer, type Route } from './transport.js';

/**
 * kubectl for one context, in the background: how a cluster is reached, and as whom, is decided by kubectl's own code
 * (docs/decisions, "kubectl connects"). Shared by all who use the context at the same time, so that a credential plugin runs once for
 * all of them and its token is kept and renewed.
 */
export interface Kubectl {
  /** `kubectl proxy` on a socket that only this user can open. @throws TracewrightError `cluster.*`, `tool.missing` … */
  route(): Promise<Route>;
  /** A TCP connection to a port of a pod, by `kubectl port-forward`. @throws as `route`, `service.unavailable` */
  connectPod(target: PodPort): Promise<Duplex>;
  /** Ends kubectl, unless others use it. */
  release(): void;
}

export interface Patience {
  /** How long credentials and the first answer may take together, a person at the plugin included. @default 60000 */
  readonly patienceMs?: number | undefined;
}

/** In milliseconds, after the last user: one step of an environment follows the other. */
const lingerMs = 10_000;
/** In milliseconds: so long a failure of the plugin stands for all who ask, instead of one more call each. */
const refusalMs = 5_000;
/** Lines of kubectl and its plugin that become evidence. */
const evidenceLines = 12;

/**
 * Ends the whole group when our end of the standard input closes: with us, however we die. kubectl and its plugin get
 * no standard input, so a plugin that must ask refuses at once. The PATH is the user's, and may hold neither rm nor sleep.
 */
const supervise = `exec 3<&0
(PATH=$PATH:/usr/bin:/bin; trap "" TERM; while read -r _ <&3; do :; done; rm -rf -- "$0"; kill -TERM 0; sleep 2; kill -KILL 0) >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-`;

interface Shared {
  users: number;
  route: Promise<Route> | undefined;
  readonly forwards: Map<string, Promise<number>>;
  /** What is being started and not yet of use. */
  starting: number;
  linger: NodeJS.Timeout | undefined;
  readonly stop: AbortController;
}

const contexts = new Map<string, Shared>();

/** Starts nothing yet. */
export function openKubectl(resolved: ResolvedContext, source: ToolSource, patience: Patience = {}): Kubectl {
  // Other variables are another user: another AWS profile, another proxy.
  const key = JSON.stringify([resolved.kubeconfigPath, resolved.context, source.environment]);
  const shared = contexts.get(key) ?? {
    users: 0,
    route: undefined,
    forwards: new Map<string, Promise<number>>(),
    starting: 0,
    linger: undefined,
    stop: new AbortController(),
  };
  contexts.set(key, shared);
  shared.users += 1;
  clearTimeout(shared.linger);
  const call: Call = {
    resolved,
    source,
    stop: shared.stop.signal,
    patienceMs: patience.patienceMs ?? 60_000,
  };
  const starting = <T>(work: Promise<T>): Promise<T> => {
    shared.starting += 1;
    return work.finally(() => (shared.starting -= 1));
  };
  const end = (): void => {
    contexts.delete(key);
    shared.stop.abort();
  };
  const startRoute = (): Promise<Route> => {
    const forget = (): void => {
      if (shared.route === route) shared.route = undefined;
    };
    const route = starting(startProxy(call, forget));
    route.catch((error: unknown) => {
      const lasts = error instanceof TracewrightError && !error.retryable;
      setTimeout(forget, lasts ? refusalMs : 0).unref();
    });
    return route;
  };
  let released = false;
  return {
    route: () => (shared.route ??= startRoute()),
    async connectPod(target) {
      const name = JSON.stringify(target);
      const forget = (): void => void shared.forwards.delete(name);
      const forward = shared.forwards.get(name) ?? starting(startForward(call, target, forget));
      shared.forwards.set(name, forward);
      forward.catch(forget);
      const socket = connect({ host: '127.0.0.1', port: await forward });
      await once(socket, 'connect');
      return socket;
    },
    release() {
      if (released) return;
      released = true;
      shared.users -= 1;
      if (shared.users > 0) return;
      // Nobody waits any more for what is being started, a plugin that waits for a person.
      if (shared.starting > 0) end();
      else shared.linger = setTimeout(end, lingerMs).unref();
    },
  };
}

interface Call {
  readonly resolved: ResolvedContext;
  readonly source: ToolSource;
  readonly stop: AbortSignal;
  readonly patienceMs: number;
}

/** @param onEnd when it ends, for whatever reason */
async function startProxy(call: Call, onEnd: () => void): Promise<Route> {
  const { resolved, patienceMs } = call;
  const folder = await socketFolder();
  const socketPath = join(folder, socketName);
  const args = ['proxy', '--unix-socket', socketPath, '--append-server-path'];
  const kubectl = await startKubectl(call, {
    args,
    serving: /^(?:Starting to serve|Please enter )/u,
    folder,
  });
  const dispatcher = new Agent({
    connect: { socketPath },
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  void kubectl.ended.then(() => {
    onEnd();
    void dispatcher.destroy();
  });
  const failureIn = ({ status, headers, body }: HttpAnswer): TracewrightError | undefined => {
    // kubectl's own answer: an API server gives an audit id to each of its, and says 500 in JSON.
    const own = status === 500 && headers['content-type']?.startsWith('text/plain') && !headers['audit-id'];
    return own ? failureOf(resolved, body.trim(), kubectl.said()) : undefined;
  };
  // A kubectl that chooses its version by the server's asks the plugin before it serves.
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    kubectl.end();
  }, patienceMs);
  try {
    // Without credentials kubectl asks for a user's name, and here nobody answers.
    if ((await kubectl.servingLine).startsWith('Please enter ')) throw noCredentials(resolved);
    const first = { origin: 'http://localhost', path: '/version', method: 'GET' } as const;
    const { statusCode: status, headers, body } = await dispatcher.request(first);
    const answer = { status, headers: headers as Record<string, string>, body: await body.text() };
    const failure = failureIn(answer);
    if (failure) throw failure;
    kubectl.background();
    return { baseUrl: 'http://localhost', dispatcher, failureIn };
  } catch (error) {
    kubectl.end();
    if (late.signal.aborted) throw tooSlow(resolved, patienceMs, kubectl.said());
    if (error instanceof NotServing) throw unusable(resolved, kubectl.said(), error);
    throw unreachable(resolved.serverUrl, error, call.stop);
  } finally {
    clearTimeout(timer);
  }
}

const [folderPrefix, socketName] = ['tracewright-kubectl-', 'api.sock'];
/** In characters: with the two names behind it, the path of a socket has room for 103 of them everywhere. */
const longestParent = 64;

/**
 * A folder for one socket, which only this user may enter. Not in the state folder, whose path may be too long for a
 * socket. Those go of which everybody was killed at once, the supervisor as well.
 */
async function socketFolder(): Promise<string> {
  const parent = tmpdir().length > longestParent ? '/tmp' : tmpdir();
  const folders = (await readdir(parent).catch(() => [])).filter((name) => name.startsWith(folderPrefix));
  await Promise.all(folders.map((name) => removeDead(join(parent, name)).catch(() => undefined)));
  return temporaryFolder(folderPrefix, parent);
}

async function removeDead(folder: string): Promise<void> {
  if ((await lstat(folder)).uid !== process.getuid?.()) return;
  const socket = connect(join(folder, socketName));
  try {
    await once(socket, 'connect');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') return;
    await unlink(join(folder, socketName));
    await rmdir(folder);
  } finally {
    socket.destroy();
  }
}

/** @returns the port of 127.0.0.1 that leads to the pod */
async function startForward(
  call: Call,
  { namespace, pod, port }: PodPort,
  onEnd: () => void,
): Promise<number> {
  const args = [
    'port-forward',
    '--namespace',
    namespace,
    '--address',
    '127.0.0.1',
    `pod/${pod}`,
    `:${String(port)}`,
  ];
  const kubectl = await startKubectl(call, { args, serving: /^Forwarding from .*:\d+ ->/u });
  void kubectl.ended.then(onEnd);
  try {
    const line = await kubectl.servingLine.catch(() => {
      throw notForwarded(call.resolved, `${namespace}/${pod}`, kubectl.said());
    });
    kubectl.background();
    return Number(/:(\d+) ->/u.exec(line)?.[1]);
  } catch (error) {
    kubectl.end();
    throw error;
  }
}

/** kubectl ended before it was of use. */
class NotServing extends Error {}

interface Background {
  /** The line of its standard output that says that it serves. @throws NotServing when it ends before */
  readonly servingLine: Promise<string>;
  readonly ended: Promise<void>;
  /** The last lines of its standard error and its plugin's, without secrets. */
  said(): string[];
  /** It keeps this process alive no longer. */
  background(): void;
  /** Ends it with all that it has started. */
  end(): void;
}

interface KubectlCall {
  readonly args: readonly string[];
  /** How the line of its standard output begins that says so; a wrapper may say more before it. */
  readonly serving: RegExp;
  /** Goes with it. */
  readonly folder?: string;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

async function startKubectl(
  { resolved, source, stop }: Call,
  { args, serving, folder = '' }: KubectlCall,
): Promise<Background> {
  const { path } = await provideKubectl({ ...source, signal: stop });
  const { args: which, env } = kubeconfigCall(resolved, '--context');
  const server = serverFlags(resolved);
  const child: Child = spawn('/bin/sh', ['-c', supervise, folder, path, ...args, ...which, ...server], {
    detached: true,
    stdio: 'pipe',
    env: { ...source.environment, ...env },
  });
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    // kubectl repeats here what it answers.
    if (line.includes('Error while proxying request: ')) return;
    lines.push(redact(line));
    if (lines.length > evidenceLines) lines.shift();
    source.onProgress?.(`kubectl: ${redact(line)}`);
  });
  const end = (): void => void child.stdin.end();
  child.stdin.on('error', () => undefined);
  stop.addEventListener('abort', end, { once: true });
  if (stop.aborted) end();
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => {
      resolve();
    });
    // `close` and not `exit`: the watcher of the supervisor goes with our end of its input.
    child.once('exit', () => {
      end();
      stop.removeEventListener('abort', end);
      resolve();
    });
  });
  const servingLine = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (serving.test(line)) resolve(line);
    });
    child.once('error', reject);
    child.once('close', () => {
      reject(new NotServing(lines.join('\n')));
    });
  });
  servingLine.catch(() => undefined);
  return {
    servingLine,
    ended,
    said: () => [...lines],
    background() {
      child.unref();
      for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as Socket).unref();
    },
    end,
  };
}

/** An address without a scheme, completed: `kubectl proxy` takes it as it stands, other than the rest of kubectl. */
function serverFlags({ cluster, serverUrl }: ResolvedContext): string[] {
  return cluster['server'] === serverUrl ? [] : ['--server', serverUrl];
}
