import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const origin = z.object({
  /** The Temporal server whose workflow made the cluster, see `serverName`. */
  server: z.string(),
  /** The name of the stack that it was made for. */
  stack: z.string().optional(),
});

/** Who made a local cluster, and for what; it goes with the folder of the cluster. */
export type Origin = z.infer<typeof origin>;

const fileOf = (stateDir: string, environment: string): string =>
  join(stateDir, 'clusters', environment, 'origin.json');

/** Noted before the cluster is made: whoever finds half of it must know whose it is. */
export async function writeOrigin(stateDir: string, environment: string, content: Origin): Promise<void> {
  const file = fileOf(stateDir, environment);
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify(content), { mode: 0o600 });
}

/** `undefined` for clusters of before this note, and where nobody may read it. */
export async function readOrigin(stateDir: string, environment: string): Promise<Origin | undefined> {
  try {
    return origin.parse(JSON.parse(await readFile(fileOf(stateDir, environment), 'utf8')));
  } catch {
    return undefined;
  }
}
