import { readdir, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { TracewrightError } from '../../domain/failure.js';
import { logEvidence } from '../../tools/log-file.js';
import { endProcess, identifyProcess, isAlive, type ProcessIdentity } from '../../tools/process-identity.js';
import { run, type RunOptions } from '../../tools/process.js';
import { hierarchies, makeRoomForGroups, outermostGroups, type Hierarchy } from './control-groups.js';
import { programLog, type ClusterFolder } from './folder.js';
import { unsupported } from './host.js';

/**
 * Whether the process is in the control groups of the cluster `id`: a pid file left by an earlier boot fools nobody.
 */
export async function belongsTo(id: string, process: ProcessIdentity): Promise<boolean> {
  return (await isAlive(process)) && (await groupsOf(process.pid, await hierarchies())).includes(id);
}

/** Every live process of the cluster `id`, as the host sees them: the node, its programs, the pods. */
export async function clusterProcesses(id: string): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name)).map(Number);
  const mounted = await hierarchies();
  const found = await Promise.all(
    pids.map(async (pid) =>
      (await groupsOf(pid, mounted)).includes(id) ? await identifyProcess(pid) : undefined,
    ),
  );
  return found.filter((identity) => identity !== undefined);
}

/**
 * Every cluster of which a process lives, on the whole machine: its name by its id. One that has ended and was not reaped
 * yet is none: where nobody reaps, as in a container without an init, it stays for ever.
 */
export async function liveClusterIds(): Promise<Map<string, string>> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/u.test(name));
  const mounted = await hierarchies();
  const found = await Promise.all(
    pids.map(async (pid) => {
      const clusters = (await groupsOf(pid, mounted)).flatMap((id) => {
        const name = /^tracewright-(?<name>.+)-[0-9a-f]{8}$/u.exec(id)?.groups?.['name'];
        return name === undefined ? [] : [[id, name] as const];
      });
      return clusters.length > 0 && (await identifyProcess(Number(pid))) ? clusters : [];
    }),
  );
  return new Map(found.flat());
}

/** The process that is number 1 inside: when it ends, the kernel ends all others. */
export async function findNode(id: string): Promise<ProcessIdentity | undefined> {
  for (const identity of await clusterProcesses(id)) {
    const status = await readFile(`/proc/${String(identity.pid)}/status`, 'utf8').catch(() => '');
    // Two pids: the host's and the one inside. Number 1 of a pod has a third.
    if (/^NSpid:\s+\d+\s+1$/mu.test(status)) return identity;
  }
  return undefined;
}

/** The outermost control group of a process in each hierarchy; none when it has ended. */
async function groupsOf(pid: number | string, mounted: readonly Hierarchy[]): Promise<string[]> {
  const text = await readFile(`/proc/${String(pid)}/cgroup`, 'utf8').catch(() => '');
  return outermostGroups(text, mounted);
}

/** The Report of embedded/node/main.go. */
const report = z.object({
  process: z.object({ pid: z.number(), startTime: z.string() }).optional(),
  started: z.boolean(),
  failure: z.object({ code: z.string(), message: z.string() }).optional(),
});

/** The launcher needs well under a second; it waits up to ten for the namespaces. */
const launchTimeoutMs = 20_000;
/** What etcd gets to write down its last changes. */
const graceMs = 4_000;

/**
 * Starts the node of the cluster, which goes on when this process ends; finds it when it runs already.
 * @param program the node program, see `writeNodeConfig`
 * @throws TracewrightError `host.unsupported`, `cluster.start-failed`, `tool.cancelled`
 */
export async function startNode(
  program: string,
  folder: ClusterFolder,
  options: Pick<RunOptions, 'env' | 'signal'>,
): Promise<ProcessIdentity> {
  await makeRoomForGroups();
  const { stdout } = await run(program, ['start', folder.path], { ...options, timeoutMs: launchTimeoutMs });
  const { process, failure } = report.parse(JSON.parse(stdout));
  if (failure?.code === 'unsupported')
    throw unsupported(`The embedded cluster cannot run here: ${failure.message}.`);
  if (failure ?? !process) {
    throw new TracewrightError({
      type: 'cluster.start-failed',
      message: `The node of the embedded cluster does not start: ${failure?.message ?? 'no reason given'}.`,
      remedy: `Look at ${folder.logs}/node.log.`,
      evidence: await logEvidence(programLog(folder, 'node')),
    });
  }
  return process;
}

/**
 * Ends the node and with it everything that it started: gracefully for the sake of the data, then by force.
 * Does nothing when there is none.
 * @param keepData false: end it at once, the data is about to be deleted
 */
export async function stopNode(id: string, { keepData }: { keepData: boolean }): Promise<void> {
  const node = await findNode(id);
  if (node) await endProcess(node, { graceMs: keepData ? graceMs : 0, group: false });
  // Without process 1 only launchers of an interrupted start can be left.
  for (const left of await clusterProcesses(id)) await endProcess(left, { graceMs: 0, group: false });
}
