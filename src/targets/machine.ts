import { arch, availableParallelism, hostname, platform, totalmem } from 'node:os';
import { isTracewrightError, type FailureType } from '../domain/failure.js';
import type { Availability, Clusters, Machine, MachineQuestion, MachineReport } from '../domain/machine.js';
import type { TargetKind } from '../domain/stack.js';
import { whyUnsupported } from './embedded/host.js';
import type { TargetFolders } from './open-target.js';
import { readOrigin } from './origin.js';

/** This machine, as the present process sees it: with its user, PATH, proxies and folders. */
export interface ThisMachine extends TargetFolders {
  /** Whether the embedded Temporal server is to run here. @default false */
  readonly startsServer?: boolean;
}

/**
 * Tells of this machine what is asked for, each kind of target looked at once. The command asks it where it is the one
 * that does the work, and the worker's activity answers with it for all others. Its parts are loaded when they are asked for.
 */
export function thisMachine({ startsServer = false, ...folders }: ThisMachine): Machine {
  const seen = new Map<TargetKind, Promise<Availability>>();
  let clusters: Promise<Clusters> | undefined;
  return {
    lookAt: (kind) => {
      const look = seen.get(kind) ?? availabilityOf(kind, folders);
      seen.set(kind, look);
      return look;
    },
    clusters: () => (clusters ??= clustersOf(folders)),
    madeFor: async (environment) => (await readOrigin(folders.stateDir, environment))?.stack,
    whyUnreachable: async (addresses) => {
      const { whyUnreachable } = await import('../tools/registry/reachable.js');
      return whyUnreachable(addresses, { variables: folders.environment });
    },
    examine: async ({ install, tools }, signal) => {
      const { commonChecks, preflight } = await import('./preflight.js');
      const checks = install
        ? await preflight(folders, install.environment, install.intent, signal)
        : await Promise.all(tools ? commonChecks(folders, signal) : []);
      if (!tools) return { checks, tools: [] };
      const { toolVersions } = await import('./tool-versions.js');
      return { checks, tools: await toolVersions({ ...folders, signal }, checks, startsServer) };
    },
  };
}

/** What the worker of this machine answers to whoever asks. */
export async function describeMachine(
  folders: TargetFolders,
  { hostId, addresses = [], ...what }: MachineQuestion,
  signal: AbortSignal,
): Promise<MachineReport> {
  const machine = thisMachine(folders);
  const [embedded, k3d, kubeconfig, clusters, unreachable, examined] = await Promise.all([
    machine.lookAt('embedded'),
    machine.lookAt('k3d'),
    machine.lookAt('kubeconfig'),
    machine.clusters(),
    addresses.length > 0 ? machine.whyUnreachable(addresses) : undefined,
    machine.examine(what, signal),
  ]);
  return {
    format: 1,
    hostId,
    name: hostname(),
    platform: `${platform()} ${arch()}`,
    root: process.getuid?.() === 0,
    cpus: availableParallelism(),
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Infinity),
    targets: { embedded, k3d, kubeconfig },
    clusters,
    ...(unreachable !== undefined && { unreachable }),
    ...examined,
  };
}

/** Of this state folder, whatever any Temporal server knows of them. */
async function clustersOf(folders: TargetFolders): Promise<Clusters> {
  const { findClusters } = await import('./find.js');
  const own = (await findClusters(folders)).filter(({ stateDir }) => stateDir === folders.stateDir);
  return Object.fromEntries(own.map(({ environment, target }) => [environment, target.kind]));
}

/** Looks what this machine can do; a `docker` that hangs is given up on. */
async function availabilityOf(kind: TargetKind, folders: TargetFolders): Promise<Availability> {
  switch (kind) {
    case 'k3d':
      return dockerAvailability(folders.environment);
    case 'embedded':
      return embeddedAvailability(folders);
    case 'kubeconfig':
      return {
        possible: false,
        because: 'an existing cluster is taken only when --kubeconfig or --context names it',
      };
  }
}

async function embeddedAvailability(folders: TargetFolders): Promise<Availability> {
  const reason = await whyUnsupported();
  if (reason !== undefined) return { possible: false, because: withoutStop(reason) };
  const [{ programsQuestion }, { waysToPrograms }, { downloadAddresses }] = await Promise.all([
    import('./open-target.js'),
    import('./embedded/provide.js'),
    import('./embedded/download/kubernetes.js'),
  ]);
  const here = { possible: true, because: 'this is Linux, as root' };
  const question = programsQuestion(folders, { kind: 'embedded', images: { built: false } });
  try {
    await waysToPrograms({ ...question, needsBuilt: true });
    return here;
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
  }
  try {
    const { have } = await waysToPrograms(question);
    const cannotBuild = 'there is no Go to build with';
    return { ...here, cannotBuild, ...(!have && { addresses: downloadAddresses(question) }) };
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return { ...here, lacks: withoutStop(error.message) };
  }
}

/** In few words: it is a part of the sentence that says why another target was taken. */
const dockerObstacles: Partial<Record<FailureType, string>> = {
  'tool.missing': 'there is no Docker here',
  'docker.unreachable': 'the Docker engine does not answer',
  'docker.forbidden': 'this user may not use the Docker engine',
};

async function dockerAvailability(
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Availability> {
  const { dockerVersion } = await import('./k3d/docker.js');
  try {
    return { possible: true, because: `Docker ${await dockerVersion({ variables })} runs here` };
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return { possible: false, because: dockerObstacles[error.type] ?? withoutStop(error.message) };
  }
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/u, '');
}
