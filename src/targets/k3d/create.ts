import { mkdir, rename, writeFile } from 'node:fs/promises';
import { TracewrightError } from '../../domain/failure.js';
import type { K3dSettings } from '../../domain/k3d-settings.js';
import type { Cluster, CreateOptions } from '../target.js';
import { classify, isOurs, differences } from './cluster-state.js';
import { k3dConfigFile, registriesFile } from './config.js';
import { clusterContainers, type Docker, type K3dContainer, saveNodeLogs, unpause } from './docker.js';
import { explainFailure } from './failure.js';
import { K3dFailed, runK3d, type K3d } from './k3d-program.js';
import { requireFreePorts } from './preflight.js';
import { waitReady } from './ready.js';
import { removeCluster } from './remove.js';
import { noteVolumes } from './volumes.js';

export interface Creation {
  readonly environment: string;
  /** What k3d calls the cluster. */
  readonly name: string;
  readonly settings: K3dSettings;
  readonly docker: Docker;
  readonly k3d: K3d;
  readonly request: CreateOptions;
  /**
   * In milliseconds, for each of k3d's phases (preparation with pulls, creation, start) and for the nodes to be Ready.
   */
  readonly timeoutMs: number;
}

/** Makes the cluster ready from whatever state it is in. The caller holds its lock. */
export async function createK3dCluster(creation: Creation): Promise<Cluster> {
  const containers = await clusterContainers(creation.docker, creation.name);
  const ours = isOurs(containers, creation.environment);
  const found = classify(containers);
  if (found.kind === 'half-made') {
    if (!ours) throw different(creation, [found.reason]);
    creation.request.onProgress(`Making the cluster anew: ${found.reason}`);
    await removeWithLogs(creation, containers);
    return makeAnew(creation);
  }
  if (found.kind === 'absent') return makeAnew(creation);
  const lines = differences(containers, creation.settings);
  if (lines.length > 0) throw different(creation, lines);
  if (found.kind === 'stopped' && !(await startStopped(creation, containers, ours)))
    return makeAnew(creation);
  return useCluster(creation, ours);
}

async function makeAnew(creation: Creation): Promise<Cluster> {
  const { name, docker, k3d, settings, request, timeoutMs } = creation;
  await requireFreePorts(docker, settings);
  // Networks and volumes that an interrupted k3d left would be taken for somebody else's, and stay for ever.
  await removeCluster({ name, docker, folder: k3d.folder });
  await writeFiles(creation);
  request.onProgress(`Creating the k3d cluster ${name} with ${settings.image}`);
  try {
    await runK3d(k3d, {
      args: ['cluster', 'create', '--config', k3d.folder.config],
      // k3d's own limit counts for each of its phases.
      timeoutMs: 3 * timeoutMs,
      onMessage: request.onProgress,
    });
  } catch (error) {
    if (!(error instanceof K3dFailed)) throw error;
    const containers = await clusterContainers(docker, name);
    throw await explained(creation, error, await removeWithLogs(creation, containers));
  }
  return useCluster(creation, true);
}

/** @returns false when a cluster of ours could not be started and was removed, to be made anew */
async function startStopped(
  creation: Creation,
  containers: readonly K3dContainer[],
  ours: boolean,
): Promise<boolean> {
  const { name, k3d, request, timeoutMs } = creation;
  request.onProgress(`Starting the k3d cluster ${name}`);
  const timeout = `${String(Math.ceil(timeoutMs / 1000))}s`;
  await unpause(creation.docker, containers);
  try {
    await runK3d(k3d, {
      args: ['cluster', 'start', name, '--timeout', timeout],
      timeoutMs: 2 * timeoutMs,
      onMessage: request.onProgress,
    });
    return true;
  } catch (error) {
    if (!(error instanceof K3dFailed)) throw error;
    const failure = await explained(creation, error, { paths: [], telling: [] });
    // Only what the cluster itself ails is cured by another one.
    const ailing = failure instanceof TracewrightError && failure.type.startsWith('cluster.');
    if (!ours || !ailing) throw failure;
    request.onProgress(`Making the cluster anew: it does not start`);
    await removeWithLogs(creation, containers);
    return false;
  }
}

async function useCluster(
  { docker, k3d, name, request, timeoutMs }: Creation,
  owned: boolean,
): Promise<Cluster> {
  const kubeconfigPath = k3d.folder.kubeconfig;
  await mkdir(k3d.folder.path, { recursive: true, mode: 0o700 });
  if (owned) await noteVolumes(await clusterContainers(docker, name), k3d.folder);
  const text = await runK3d(k3d, { args: ['kubeconfig', 'get', name], timeoutMs: 60_000, quiet: true }).catch(
    (error: unknown) => {
      throw error instanceof K3dFailed ? error.cause : error;
    },
  );
  await writeFile(`${kubeconfigPath}.new`, text, { mode: 0o600 });
  await rename(`${kubeconfigPath}.new`, kubeconfigPath);
  const { signal, onProgress } = request;
  const { serverUrl, version } = await waitReady({ kubeconfigPath, timeoutMs, signal, onProgress });
  return { kubeconfigPath, serverUrl, version, owned };
}

async function writeFiles({ k3d, name, environment, settings, timeoutMs }: Creation): Promise<void> {
  const { folder, variables } = k3d;
  await mkdir(folder.path, { recursive: true, mode: 0o700 });
  const registries = registriesFile(settings);
  if (registries !== undefined) await writeFile(folder.registries, registries, { mode: 0o600 });
  const { stateDir, registries: registriesPath } = folder;
  const wish = { name, environment, stateDir, settings, registriesPath, variables, timeoutMs };
  await writeFile(folder.config, k3dConfigFile(wish), { mode: 0o600 });
}

async function removeWithLogs(
  { docker, k3d, name }: Creation,
  containers: readonly K3dContainer[],
): ReturnType<typeof saveNodeLogs> {
  const logs = await saveNodeLogs(docker, containers, k3d.folder.logs);
  await removeCluster({ name, docker, folder: k3d.folder, k3d });
  return logs;
}

async function explained(
  { docker, settings, name }: Creation,
  { cause, lines }: K3dFailed,
  logs: Awaited<ReturnType<typeof saveNodeLogs>>,
): Promise<unknown> {
  const failure = explainFailure(cause, {
    what: `k3d could not start the cluster ${name}`,
    lines: [...lines, ...logs.telling],
    evidence: [
      ...lines.slice(-10),
      ...logs.telling,
      ...logs.paths.map((path) => `The log of the node: ${path}`),
    ],
    tooLate: 'cluster.not-ready',
    otherwise: 'cluster.start-failed',
  });
  // Docker says which port, but not who has it.
  if (failure instanceof TracewrightError && failure.type === 'port.taken')
    await requireFreePorts(docker, settings);
  return failure;
}

function different({ name, environment }: Creation, lines: readonly string[]): TracewrightError {
  return new TracewrightError({
    type: 'cluster.different',
    message: `There is a k3d cluster ${name}, but not the one that the stack asks for:\n${lines.map((line) => `  ${line}`).join('\n')}`,
    remedy: `Make the stack file ask for what is there, give the environment another name than ${environment}, or delete the cluster: k3d cluster delete ${name}.`,
    evidence: lines,
  });
}
