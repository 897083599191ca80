import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { TracewrightError } from '../domain/failure.js';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/u);

const lockSchema = z.strictObject({
  version: z.literal(1),
  stack: z.string(),
  /** By component. `source` tells whether the stack file has moved on since. */
  charts: z.record(z.string(), z.strictObject({ source: z.string(), digest })),
  /** By the name that the charts and manifests give the image. */
  images: z.record(z.string(), digest),
  /** What `--set` and `--values` said; files from the folder of the lock file on. */
  parameters: z
    .strictObject({
      set: z.array(z.string()),
      setString: z.array(z.string()).optional(),
      setJson: z.array(z.string()).optional(),
      setFile: z.array(z.string()).optional(),
      values: z.array(z.string()),
    })
    .optional(),
});

/** What the charts and images of a stack were when somebody last looked. */
export type Lock = z.infer<typeof lockSchema>;

/** Beside the stack file: `mine.yaml` has `mine.lock.json`. */
export function lockPathOf(stackPath: string): string {
  return stackPath.replace(/(\.ya?ml)?$/u, '.lock.json');
}

/**
 * @returns `undefined` when there is no lock file
 * @throws TracewrightError `lock.invalid`
 */
export async function readLock(path: string): Promise<Lock | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw invalidLock(path, (error as Error).message, error);
  }
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw invalidLock(path, why, error);
  }
}

/** Whole or not at all; the same digests give the same bytes. @throws TracewrightError `lock.invalid` */
export async function writeLock(path: string, lock: Lock): Promise<void> {
  const partial = `${path}.${String(process.pid)}.partial`;
  try {
    await writeFile(partial, `${JSON.stringify(lock, undefined, 2)}\n`);
    await rename(partial, path);
  } catch (error) {
    throw invalidLock(path, `it cannot be written: ${(error as Error).message}`, error);
  }
}

export function invalidLock(path: string, why: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'lock.invalid',
    message: `The lock file ${path} cannot be used: ${why}.`,
    remedy: 'Make it anew with `tracewright lock --stack <name|file>`, or delete it to install without one.',
    cause,
  });
}

export interface LockDifference {
  /** A component's chart, or an image. */
  readonly what: string;
  /** `undefined` where it is new. */
  readonly before: string | undefined;
  /** `undefined` where it is gone. */
  readonly after: string | undefined;
}

/** What has another digest, has come, or has gone. */
export function compareLocks(before: Lock, after: Lock): LockDifference[] {
  const flat = ({ charts, images }: Lock): Map<string, string> =>
    new Map([
      ...Object.entries(charts).map(([name, it]) => [`chart ${name} (${it.source})`, it.digest] as const),
      ...Object.entries(images).map(([name, digest]) => [`image ${name}`, digest] as const),
    ]);
  const [old, now] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((what) => old.get(what) !== now.get(what))
    .map((what) => ({ what, before: old.get(what), after: now.get(what) }));
}
