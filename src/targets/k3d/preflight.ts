import { stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { check, type Check, type Finding } from '../../domain/check.js';
import { TracewrightError } from '../../domain/failure.js';
import type { K3dSettings } from '../../domain/k3d-settings.js';
import { checkInotify, inotifyOfK3d, gib } from '../limits.js';
import { portHolder } from '../../tools/listening.js';
import { isOurs } from './cluster-state.js';
import { loopbackProxy } from './config.js';
import { clusterContainers, docker, dockerVersion, engineFacts, publisherOf, type Docker } from './docker.js';
import { k3dClusterName } from './k3d-program.js';
import { findK3d, missingK3d } from './provide.js';

export interface K3dPreflightOptions {
  /** The name of the environment. */
  readonly name: string;
  readonly settings: K3dSettings;
  readonly cacheDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** Where the limits of inotify stand. @default /proc/sys/fs/inotify */
  readonly inotifyDir?: string | undefined;
}

/** k3s, the images of the tutorial and their unpacked layers: an estimate, in bytes. */
const imageBytes = 4 * 2 ** 30;

/** Looks whether this machine can make and hold the cluster. Changes nothing. */
export async function preflightK3d(options: K3dPreflightOptions): Promise<Check[]> {
  const context: Docker = { variables: options.environment, signal: options.signal };
  const reached = await check('docker', async () => `Docker ${await dockerVersion(context)} answers.`);
  // Nothing can be asked of an engine that does not answer.
  const ofDocker =
    reached.state === 'failed'
      ? []
      : [
          check('docker host', () => localEngine(context)),
          check('ports', () => ports(options, context)),
          check('disk room', () => diskRoom(context)),
        ];
  const others = [
    check('k3d', () => k3dProgram(options)),
    check('inotify', () => checkInotify(inotifyOfK3d, options.inotifyDir)),
    check('proxy', () => Promise.resolve(proxy(options.environment))),
  ];
  return [reached, ...(await Promise.all([...ofDocker, ...others]))];
}

async function k3dProgram(options: K3dPreflightOptions): Promise<Finding> {
  const found = await findK3d(options);
  if (found === undefined) throw missingK3d();
  if (found !== 'buildable') return `k3d ${found.version} (${found.path}).`;
  return {
    state: 'warning',
    detail: 'There is no k3d on PATH: it is built from its Go module first, a few minutes, once.',
    remedy: 'Nothing; or install k3d (https://k3d.io/stable/#installation).',
  };
}

/** Ports that are published on another machine lead nowhere here. */
async function localEngine(context: Docker): Promise<string> {
  const endpoint = context.variables['DOCKER_HOST'] || (await contextHost(context));
  if (
    !/^(?:ssh|tcp|https?):\/\//u.test(endpoint) ||
    /\/\/(?:[^@/]*@)?(?:localhost|127\.|\[::1\])/u.test(endpoint)
  ) {
    await requireSocket(context, endpoint);
    return 'The engine is on this machine.';
  }
  throw new TracewrightError({
    type: 'host.unsupported',
    message: `The Docker engine is on another machine (${endpoint}), and so would be the ports of the cluster.`,
    remedy: 'Run Tracewright there, or make the cluster yourself and use --target kubeconfig.',
  });
}

const defaultSocket = '/var/run/docker.sock';

/** k3d speaks to the engine's socket, which the `docker` of Podman can do without. */
async function requireSocket(context: Docker, endpoint: string): Promise<void> {
  const socket = /^unix:\/\/(?<path>.+)$/u.exec(endpoint)?.groups?.['path'] ?? defaultSocket;
  if ((await stat(socket).catch(() => undefined)) || !(await engineFacts(context)).isPodman) return;
  throw new TracewrightError({
    type: 'docker.unreachable',
    message: `\`docker\` is Podman here, whose socket k3d needs, and there is none at ${socket}.`,
    remedy:
      'Start it and name it: systemctl --user start podman.socket; export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock',
  });
}

async function contextHost(context: Docker): Promise<string> {
  return (await docker(context, ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'])).trim();
}

async function ports({ name, settings }: K3dPreflightOptions, context: Docker): Promise<string> {
  const containers = await clusterContainers(context, k3dClusterName(name));
  if (containers.length > 0)
    return isOurs(containers, name)
      ? 'The cluster has them already.'
      : 'A cluster of that name exists already.';
  await requireFreePorts(context, settings);
  return `${publishedPorts(settings)
    .map(({ port }) => String(port))
    .join(', ')} are free.`;
}

async function diskRoom(context: Docker): Promise<Finding> {
  const { rootDir: root } = await engineFacts(context);
  const isHere = await stat(root).then(
    () => true,
    () => false,
  );
  // Docker Desktop keeps its disk in a virtual machine.
  if (!isHere) return "Docker's disk cannot be looked at from here.";
  const { bavail, bsize } = await statfs(root);
  if (bavail * bsize >= imageBytes) return `${gib(bavail * bsize)} are free for images.`;
  throw new TracewrightError({
    type: 'state.disk-full',
    message: `The images of a stack need about ${gib(imageBytes)}; Docker's disk (${root}) has ${gib(bavail * bsize)} free.`,
    remedy: '`docker system df` shows what takes it, `docker system prune` removes what nobody uses.',
  });
}

function proxy(variables: K3dPreflightOptions['environment']): Finding {
  const name = loopbackProxy(variables);
  if (name === undefined) return 'Nodes reach the registries as this machine does.';
  return {
    state: 'warning',
    detail: `${name} names a proxy on this machine's loopback address, which the nodes cannot reach.`,
    remedy: `Give the proxy an address that containers reach, and put that into ${name}.`,
  };
}

/** The ports of this machine that the cluster publishes, each with what it is for. */
function publishedPorts({ apiPort, ports }: K3dSettings): { port: number; purpose: string }[] {
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
