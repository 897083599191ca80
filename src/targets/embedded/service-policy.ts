import { chmod, lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { run } from '../../tools/process.js';
import { isTracewrightError } from '../../domain/failure.js';

/**
 * What Debian's invoke-rc.d and deb-systemd-invoke ask before they start a service; 101 means "forbidden by policy".
 */
const policyPath = '/usr/sbin/policy-rc.d';
const forbidden = 101;
const marker = '# Made by Tracewright for the time of one package installation.';

/**
 * Runs `install` while Debian's packages may not start services. A policy of somebody else's that forbids it already
 * is left alone; any other is set aside and put back afterwards, also after a crash in between (by the next call).
 * @param path for tests
 */
export async function withoutServiceStarts<T>(install: () => Promise<T>, path = policyPath): Promise<T> {
  const aside = `${path}.tracewright-aside`;
  await undoServicePolicy(path);
  if (await forbidsStarts(path)) return await install();
  await renameIfThere(path, aside);
  await writeFile(path, `#!/bin/sh\n${marker}\nexit ${String(forbidden)}\n`, { mode: 0o755 });
  await chmod(path, 0o755);
  try {
    return await install();
  } finally {
    await putBack(path, aside);
  }
}

/**
 * Puts back what an installation that was killed left in place; does nothing otherwise. The next installation, if any,
 * is ours.
 */
export async function undoServicePolicy(path = policyPath): Promise<void> {
  await putBack(path, `${path}.tracewright-aside`);
}

/** Removes a policy of ours and restores the one that it replaced. */
async function putBack(path: string, aside: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(() => '');
  if (present.includes(marker)) await rm(path, { force: true });
  await renameIfThere(aside, path);
}

async function forbidsStarts(path: string): Promise<boolean> {
  try {
    await run(path, ['containerd', 'start'], { timeoutMs: 5_000 });
    return false;
  } catch (error) {
    return (
      isTracewrightError(error) &&
      error.type === 'tool.failed' &&
      error.message.includes(`exit code ${String(forbidden)}`)
    );
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  // Looked for first: a read-only file system refuses to rename even what is not there.
  if (await lstat(from).catch(() => undefined)) await rename(from, to);
}
