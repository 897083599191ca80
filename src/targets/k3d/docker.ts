import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isCancellation, isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { ownershipLabels } from '../../domain/names.js';
import { run, type RunOptions } from '../../tools/process.js';
import { explainFailure } from './failure.js';

/** The `docker` program of the user, with the user's settings (DOCKER_HOST, DOCKER_CONTEXT). */
export interface Docker {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

/** In milliseconds: an engine that takes longer does not work; the shorter one is for a first look. */
const [defaultTimeoutMs, firstLookMs] = [60_000, 15_000];

/**
 * Runs one `docker` command. @returns its standard output
 * @throws TracewrightError `tool.missing`, `docker.unreachable`, `docker.forbidden`, `tool.cancelled`, `tool.failed`
 */
export async function docker(
  { variables, signal }: Docker,
  args: readonly string[],
  options: Pick<RunOptions, 'logFile' | 'timeoutMs'> = {},
): Promise<string> {
  try {
    const { stdout } = await run('docker', args, {
      env: variables,
      signal,
      timeoutMs: defaultTimeoutMs,
      missingRemedy: 'Install Docker (https://docs.docker.com/engine/install), or use another target.',
      ...options,
    });
    return stdout;
  } catch (error) {
    const lines = isTracewrightError(error) ? error.evidence : [];
    throw explainFailure(error, {
      what: `docker ${args[0] ?? ''} failed`,
      lines,
      tooLate: 'docker.unreachable',
      otherwise: 'tool.failed',
    });
  }
}

/** Such as `28.2.2`. @throws as `docker` */
export async function dockerVersion(context: Docker): Promise<string> {
  const args = ['version', '--format', '{{.Server.Version}}'];
  return (await docker(context, args, { timeoutMs: firstLookMs })).trim();
}

/** On the containers of a cluster: the state folder that it belongs to. */
export const stateDirLabel = 'tracewright.dev/state-dir';

const binding = z.object({ HostIp: z.string(), HostPort: z.string() });
const mount = z.object({ Type: z.string(), Name: z.string().optional() });

const container = z.object({
  name: z.string().transform((name) => name.replace(/^\//u, '')),
  image: z.string(),
  role: z.string().nullable(),
  /** The environment that made it; empty or null when another did. */
  environment: z.string().nullable(),
  /** Where the state of that one is; empty or null where nothing tells. */
  stateDir: z.string().nullable(),
  hasToken: z.boolean(),
  /** created, running, restarting, exited, paused, dead. */
  status: z.string(),
  startedAt: z.string(),
  restarts: z.number(),
  ports: z.record(z.string(), z.array(binding).nullable()).nullable(),
  /** The names of the volumes that it has, anonymous ones among them. */
  volumes: z
    .array(mount)
    .nullish()
    .transform((mounts) =>
      (mounts ?? []).flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : [])),
    ),
});

/** A container of a k3d cluster, as far as it is read here. */
export type K3dContainer = z.infer<typeof container>;

/**
 * Only these fields leave Docker: labels and variables also hold the cluster's token. k3d's own `cluster list` names
 * images by their digest and leaves out all labels but its own, so that it can tell neither the version nor the owner.
 */
const template = `{${[
  '"name":{{json .Name}}',
  '"image":{{json .Config.Image}}',
  '"role":{{json (index .Config.Labels "k3d.role")}}',
  `"environment":{{json (index .Config.Labels "${ownershipLabels.environment}")}}`,
  `"stateDir":{{json (index .Config.Labels "${stateDirLabel}")}}`,
  '"hasToken":{{if index .Config.Labels "k3d.cluster.token"}}true{{else}}false{{end}}',
  '"status":{{json .State.Status}}',
  '"startedAt":{{json .State.StartedAt}}',
  '"restarts":{{json .RestartCount}}',
  '"ports":{{json .HostConfig.PortBindings}}',
  '"volumes":{{json .Mounts}}',
].join(',')}}`;

/** The containers of the k3d cluster `name`, whoever made it, in the order of their names. @throws as `docker` */
export async function clusterContainers(context: Docker, name: string): Promise<K3dContainer[]> {
  return containersWith(context, `k3d.cluster=${name}`);
}

/** In milliseconds: `list` does not wait longer for an engine that hangs. */
const findTimeoutMs = 5_000;

/** The containers of all k3d clusters that an environment made. @throws as `docker` */
export async function ownContainers(context: Docker): Promise<K3dContainer[]> {
  return containersWith(context, ownershipLabels.environment, findTimeoutMs);
}

async function containersWith(
  context: Docker,
  label: string,
  timeoutMs = defaultTimeoutMs,
): Promise<K3dContainer[]> {
  const filters = ['--filter', 'label=app=k3d', '--filter', `label=${label}`];
  const args = ['ps', '--all', '--quiet', '--no-trunc', ...filters];
  const ids = lines(await docker(context, args, { timeoutMs }));
  if (ids.length === 0) return [];
  const found = lines(
    await docker(context, ['inspect', '--type', 'container', '--format', template, ...ids], { timeoutMs }),
  );
  return found.map(readContainer).sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

/** @throws TracewrightError `tool.failed` for what is none: another engine behind the name `docker` answers otherwise */
export function readContainer(line: string): K3dContainer {
  try {
    return container.parse(JSON.parse(line));
  } catch (cause) {
    throw unreadable('docker inspect', 'a container of k3d', line, cause);
  }
}

function unreadable(command: string, of: string, text: string, cause: unknown): TracewrightError {
  return new TracewrightError({
    type: 'tool.failed',
    message: `What \`${command}\` says of ${of} cannot be read.`,
    remedy:
      'Look whether `docker` is Docker (`docker version`), or use --target kubeconfig with a cluster of your own.',
    evidence: [text.slice(0, 400)],
    retryable: false,
    cause,
  });
}

/** Lets paused containers go on: k3d takes them for running ones, and waits for them in vain. @throws as `docker` */
export async function unpause(context: Docker, containers: readonly K3dContainer[]): Promise<void> {
  const paused = containers.filter(({ status }) => status === 'paused').map(({ name }) => name);
  if (paused.length > 0) await docker(context, ['unpause', ...paused]);
}

/** Networks and volumes of the cluster `name`: they outlive their containers when k3d is interrupted. */
export async function clusterRemains(
  context: Docker,
  name: string,
): Promise<{ readonly networks: readonly string[]; readonly volumes: readonly string[] }> {
  const network = `name=^k3d-${name}$`;
  const format = ['--format', '{{.Name}}'];
  const [networks, volumes] = await Promise.all([
    docker(context, ['network', 'ls', '--filter', 'label=app=k3d', '--filter', network, ...format]),
    docker(context, ['volume', 'ls', '--filter', `label=k3d.cluster=${name}`, ...format]),
  ]);
  return { networks: lines(networks), volumes: lines(volumes) };
}

/** The name of the running container that publishes this port of the machine. Podman has no filter for it. */
export async function publisherOf(context: Docker, port: number): Promise<string | undefined> {
  const found = lines(await docker(context, ['ps', '--format', '{{.Names}}\t{{.Ports}}']));
  const [line] = found.filter((text) =>
    // `127.0.0.1:8080->80/tcp, 0.0.0.0:8443-8445->8443-8445/tcp`
    [...text.matchAll(/:(\d+)(?:-(\d+))?->/gu)].some(
      ([, first, last = first]) => Number(first) <= port && port <= Number(last),
    ),
  );
  return line?.split('\t')[0];
}

/** What the engine says of itself. */
export interface EngineFacts {
  /** Where it keeps its images. */
  readonly rootDir: string;
  /** It is Podman, which many have under the name docker. */
  readonly isPodman: boolean;
}

const info = z.union([
  z.object({ DockerRootDir: z.string() }).transform((it) => ({ rootDir: it.DockerRootDir, isPodman: false })),
  z.object({ store: z.object({ graphRoot: z.string() }) }).transform((it) => ({
    rootDir: it.store.graphRoot,
    isPodman: true,
  })),
]);

/** @throws as `docker`, and `tool.failed` for what is neither Docker nor Podman */
export async function engineFacts(context: Docker): Promise<EngineFacts> {
  const text = await docker(context, ['info', '--format', '{{json .}}']);
  try {
    return info.parse(JSON.parse(text));
  } catch (cause) {
    throw unreadable('docker info', 'itself', text, cause);
  }
}

export function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

export interface SavedLogs {
  /** Absolute. */
  readonly paths: readonly string[];
  /** The last lines that tell of an error, of all logs. */
  readonly telling: readonly string[];
}

/** Lines of a node's log that are kept: about what k3s says in its first minutes. */
const keptLines = 5_000;
const tellingLines = 8;

/**
 * Saves the logs of a cluster's servers and load balancer, before they go with their containers, into files that are
 * appended to. Containers without a log, or that are gone meanwhile, are left out.
 */
export async function saveNodeLogs(
  context: Docker,
  containers: readonly K3dContainer[],
  folder: string,
): Promise<SavedLogs> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const paths: string[] = [];
  const telling: string[] = [];
  for (const { name, status } of containers.filter(
    (it) => it.role === 'server' || it.role === 'loadbalancer',
  )) {
    const path = join(folder, `${name}.log`);
    await appendFile(path, `# ${new Date().toISOString()} ${name}, ${status}\n`, { mode: 0o600 });
    try {
      const args = ['logs', '--timestamps', '--tail', String(keptLines), name];
      await docker(context, args, { logFile: path });
    } catch (error) {
      if (!isTracewrightError(error) || isCancellation(error)) throw error;
      await appendFile(path, `# ${error.message}\n`);
    }
    paths.push(path);
    const text = (await readFile(path, 'utf8')).split('\n');
    telling.push(...text.filter((line) => /level=(?:error|fatal)|panic:|too many open files/u.test(line)));
  }
  return { paths, telling: telling.slice(-tellingLines) };
}
