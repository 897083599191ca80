import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The stable name of this state folder on this machine, 16 hexadecimal digits: local clusters and kubeconfig files
 * belong to it, and so does the task queue of the activities that need them. Made once; a restarted worker finds the
 * same.
 */
export async function hostId(stateDir: string): Promise<string> {
  return (await knownHostId(stateDir)) ?? makeId(stateDir, fileOf(stateDir));
}

/** The same where it was made already. */
export async function knownHostId(stateDir: string): Promise<string | undefined> {
  return readId(fileOf(stateDir));
}

const fileOf = (stateDir: string): string => join(stateDir, 'host-id');

async function makeId(stateDir: string, file: string): Promise<string> {
  const temporary = `${file}.${randomBytes(4).toString('hex')}`;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await writeFile(temporary, `${randomBytes(8).toString('hex')}\n`, { mode: 0o600 });
  // A link, unlike a rename, does not replace the one that another process has made in the meantime.
  await link(temporary, file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  await rm(temporary);
  const id = await readId(file);
  if (id === undefined) throw new Error(`${file} does not hold a host id.`);
  return id;
}

async function readId(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return '';
  });
  return /^[0-9a-f]{16}$/u.exec(text.trim())?.[0];
}
