import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { run } from '../../tools/process.js';
import { groupFolders, removeGroup } from './control-groups.js';
import type { ClusterFolder } from './folder.js';
import { stopNode } from './processes.js';
import { clusterLinks, findResidue, mountsBelow } from './residue.js';

/** For what the kernel takes down a moment after the last process; in milliseconds. */
const settleMs = 5_000;

/**
 * Ends the cluster and removes everything of it. Idempotent.
 * @throws TracewrightError `cluster.residue` that names what is left
 */
export async function deleteCluster(folder: ClusterFolder): Promise<void> {
  let deadline: number | undefined;
  let left: string[];
  do {
    // Each time: the launcher of an interrupted start can make the node between the look for it and its own end.
    await stopNode(folder.id, { keepData: false });
    await removeLinks(folder.id);
    for (const group of await groupFolders(folder.id)) await removeGroup(group);
    left = await findResidue(folder);
    deadline ??= Date.now() + settleMs;
    if (left.length > 0) await sleep(20);
  } while (left.length > 0 && Date.now() < deadline);
  // Deleting through a mount would delete what belongs to somebody else.
  if ((await mountsBelow(folder.path)).length === 0) await removeFolder(folder.path, left);
  await removeFolder(folder.images, left);
  if (left.length > 0) throw residue(folder, left);
}

/** Sockets that still try to say goodbye keep a dead network alive, for up to minutes. */
async function removeLinks(id: string): Promise<void> {
  for (const link of await clusterLinks(id)) {
    try {
      await run('ip', ['link', 'delete', 'dev', link], { timeoutMs: settleMs });
    } catch (error) {
      // Gone by itself meanwhile; and if not, the check for residue says so.
      if (!isTracewrightError(error)) throw error;
    }
  }
}

async function removeFolder(path: string, left: string[]): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    left.push(`folder ${path} (${(error as Error).message})`);
  }
}

function residue(folder: ClusterFolder, left: readonly string[]): TracewrightError {
  return new TracewrightError({
    type: 'cluster.residue',
    message: `The embedded cluster is deleted, but this is left: ${left.slice(0, 5).join(', ')}${left.length > 5 ? ' …' : ''}.`,
    remedy: `Run the command again; if it stays, look what holds it (cgroup ${folder.id}).`,
    evidence: left,
  });
}
