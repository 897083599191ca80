import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What this machine keeps of an environment besides its cluster: logs of tools, homes of helm, records of attempts. */
export function environmentFolder(stateDir: string, environment: string): string {
  return join(stateDir, 'environments', environment);
}

/** Of an environment's folder: what helm and other tools said, one log for each component. */
export function logFolder(folder: string): string {
  return join(folder, 'logs');
}

/** Of an environment's folder: the claims of running attempts. */
export function processFolder(folder: string): string {
  return join(folder, 'processes');
}

/**
 * Removes an environment's folder after its teardown. Claims of attempts that run all the same (a server that was away
 * may have started another one) stay, and the folder with them: that attempt removes it at its own end.
 */
export async function forgetEnvironment(folder: string): Promise<void> {
  for (const part of [logFolder(folder), helmHomes(folder)]) await rm(part, { recursive: true, force: true });
  for (const part of [processFolder(folder), folder]) {
    try {
      await rmdir(part);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTEMPTY') throw error;
    }
  }
}

/** Of an environment's folder: where helm keeps caches and settings, one home for each release. */
export function helmHomes(folder: string): string {
  return join(folder, 'helm');
}
