import { z } from 'zod';
import { TracewrightError } from '../../domain/failure.js';
import { logEvidence } from '../../tools/log-file.js';
import { run } from '../../tools/process.js';
import { endProcess, type ProcessIdentity } from '../../tools/process-identity.js';
import { programLog, type ClusterFolder } from './folder.js';
import { unsupported } from './host.js';
import { clusterProcesses, findNode } from './processes.js';

/** The Report of embedded/kube/node/main.go. */
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
  signal?: AbortSignal,
): Promise<ProcessIdentity> {
  const { stdout } = await run(program, ['start', folder.path], { timeoutMs: launchTimeoutMs, signal });
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
