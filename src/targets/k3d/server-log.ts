import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isTracewrightError } from '../../domain/failure.js';
import { docker, type Docker, type K3dContainer } from './docker.js';

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
      if (!isTracewrightError(error) || error.type === 'tool.cancelled') throw error;
      await appendFile(path, `# ${error.message}\n`);
    }
    paths.push(path);
    const text = (await readFile(path, 'utf8')).split('\n');
    telling.push(...text.filter((line) => /level=(?:error|fatal)|panic:|too many open files/u.test(line)));
  }
  return { paths, telling: telling.slice(-tellingLines) };
}
