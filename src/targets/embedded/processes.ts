import { readdir, readFile } from 'node:fs/promises';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../tools/process-identity.js';

/**
 * Whether the process is in the control groups of the cluster `id`: a pid file left by an earlier boot fools nobody.
 */
export async function belongsTo(id: string, process: ProcessIdentity): Promise<boolean> {
  return (await isAlive(process)) && (await isInGroup(id, process.pid));
}

/** Every live process of the cluster `id`, as the host sees them: the node, its programs, the pods. */
export async function clusterProcesses(id: string): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => ((await isInGroup(id, pid)) ? await identifyProcess(pid) : undefined)),
  );
  return found.filter((identity) => identity !== undefined);
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

async function isInGroup(id: string, pid: number): Promise<boolean> {
  const groups = await readFile(`/proc/${String(pid)}/cgroup`, 'utf8').catch(() => '');
  return groups.split('\n').some((line) => line.split(':')[2]?.split('/')[1] === id);
}
