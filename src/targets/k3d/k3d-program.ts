import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isTracewrightError, type TracewrightError } from '../../domain/failure.js';
import { environmentFolder, logFolder } from '../../tools/environment-folder.js';
import { run, type ProcessOwner } from '../../tools/process.js';
import { redact } from '../../tools/redact.js';

/** k3d's limit for the name of a cluster, so that names of containers stay below 64 characters. */
const longestName = 32;

/** The name of the environment's cluster: its own, shortened with a hash where k3d would refuse it. */
export function k3dClusterName(environment: string): string {
  if (environment.length <= longestName) return environment;
  const hash = createHash('sha256').update(environment).digest('hex').slice(0, 8);
  return `${environment.slice(0, longestName - hash.length - 1).replace(/-+$/u, '')}-${hash}`;
}

/** Where an environment's cluster keeps what it has on this machine. All absolute. */
export interface K3dFolder {
  readonly stateDir: string;
  /** Everything below goes with the cluster. */
  readonly path: string;
  /** Beside the folder, because deleting the cluster removes the folder. */
  readonly lock: string;
  readonly kubeconfig: string;
  /** What the cluster should be, for k3d. */
  readonly config: string;
  /** Where nodes pull images from instead, for k3s. */
  readonly registries: string;
  /** The names of its nodes' anonymous volumes, a line each. */
  readonly volumes: string;
  /** For what k3d would leave in the user's home and temporary folders. */
  readonly scratch: string;
  /** Outlives the cluster: the logs of nodes that failed. */
  readonly logs: string;
}

export function k3dFolder(stateDir: string, environment: string): K3dFolder {
  const path = join(stateDir, 'clusters', environment);
  return {
    stateDir,
    path,
    lock: join(stateDir, 'clusters', `${environment}.lock`),
    kubeconfig: join(path, 'kubeconfig'),
    config: join(path, 'k3d.yaml'),
    registries: join(path, 'registries.yaml'),
    volumes: join(path, 'volumes'),
    scratch: join(path, 'scratch'),
    logs: logFolder(environmentFolder(stateDir, environment)),
  };
}

/** The `k3d` program, kept from everything of the user's but Docker. */
export interface K3d {
  /** Absolute. */
  readonly path: string;
  readonly folder: K3dFolder;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  readonly owner?: ProcessOwner | undefined;
}

export interface K3dCommand {
  readonly args: readonly string[];
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** What k3d says, in its own words. */
  readonly onMessage?: (message: string) => void;
  /** Keeps k3d's log out of a standard output that is wanted. @default false */
  readonly quiet?: boolean;
}

/** A k3d that failed: what `run` threw, with everything that it said. */
export class K3dFailed extends Error {
  override readonly cause: TracewrightError;
  readonly lines: readonly string[];

  constructor(cause: TracewrightError, lines: readonly string[]) {
    super(cause.message);
    this.name = 'K3dFailed';
    this.cause = cause;
    this.lines = lines;
  }
}

/**
 * Runs k3d. @returns its standard output
 * @throws K3dFailed for `tool.failed` and `tool.timeout`; TracewrightError `tool.missing`, `tool.cancelled`
 */
export async function runK3d(k3d: K3d, command: K3dCommand): Promise<string> {
  await mkdir(k3d.folder.scratch, { recursive: true, mode: 0o700 });
  const said: string[] = [];
  try {
    const { stdout } = await run(k3d.path, command.args, {
      env: environmentOf(k3d, command.quiet ?? false),
      // Relative paths in its configuration start here.
      cwd: k3d.folder.path,
      signal: k3d.signal,
      timeoutMs: command.timeoutMs,
      owner: k3d.owner,
      onLine: (line) => {
        if (command.quiet) return;
        const message = redact(messageOf(line));
        said.push(message);
        command.onMessage?.(message);
      },
    });
    return stdout;
  } catch (error) {
    if (!isTracewrightError(error) || (error.type !== 'tool.failed' && error.type !== 'tool.timeout'))
      throw error;
    throw new K3dFailed(error, said.length > 0 ? said : error.evidence.map(messageOf));
  }
}

/** Of its many variables (K3D_IMAGE, K3D_SERVERS …) that would change the cluster, those that only help it are kept. */
const helpful = /^K3D_(?:FIX_|HELPER_|IMAGE_LOADBALANCER$|IMAGE_TOOLS$)/u;

/**
 * k3d removes deleted clusters from the default kubeconfig, makes a folder for its settings, and leaves copies of
 * configurations in the temporary folder: all that shall happen in ours.
 */
function environmentOf({ variables, folder }: K3d, quiet: boolean): Record<string, string | undefined> {
  const meddling = Object.keys(variables).filter((name) => name.startsWith('K3D_') && !helpful.test(name));
  return {
    ...variables,
    ...Object.fromEntries(meddling.map((name) => [name, undefined])),
    KUBECONFIG: `${folder.scratch}/kubeconfig`,
    XDG_CONFIG_HOME: folder.scratch,
    TMPDIR: folder.scratch,
    LOG_COLORS: 'false',
    LOG_LEVEL: quiet ? 'warning' : 'info',
  };
}

/** logrus writes `time="…" level=info msg="Creating node 'k3d-x-server-0'"`. */
export function messageOf(line: string): string {
  const quoted = /\bmsg=("(?:[^"\\]|\\.)*")/u.exec(line)?.[1];
  if (quoted === undefined) return /\bmsg=(\S+)/u.exec(line)?.[1] ?? line;
  try {
    return JSON.parse(quoted) as string;
  } catch {
    // Go escapes a few characters in ways that JSON does not know.
    return quoted.slice(1, -1);
  }
}
