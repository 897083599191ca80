import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { embeddedBuildHash } from './hash.js';

/** Everything that runs in the embedded cluster, built. */
export interface EmbeddedBuild {
  readonly dir: string;
  /** Of everything that it was made of, see `embeddedBuildHash`. */
  readonly hash: string;
  /** The Kubernetes programs in one file; the name it is called by picks one. */
  readonly kubeBinary: string;
  /** Several images may stand in one tar: import each tar once. */
  readonly images: readonly { readonly ref: string; readonly tar: string }[];
  /** A folder with one chart's folder a name. */
  readonly charts: string;
}

/** `build.json`: written last, read to find out whether a build is whole. Paths are relative to it. */
const recordSchema = z.object({
  hash: z.string(),
  kubeBinary: z.string(),
  images: z.array(z.object({ ref: z.string(), tar: z.string() })),
  charts: z.string(),
  /** Path → size in bytes, of every file but build.json itself. */
  files: z.record(z.string(), z.number()),
});

export type BuildRecord = z.infer<typeof recordSchema>;

/** Where things stand below `cacheDir`. */
export function buildPlaces(cacheDir: string, hash: string) {
  const root = join(cacheDir, 'embedded');
  return {
    root,
    /** A finished build. */
    build: join(root, hash),
    /** One that is being made, or was interrupted. */
    partial: join(root, `${hash}.partial`),
    /** Go's own caches while a build goes on. */
    go: join(root, 'go'),
    lock: join(root, 'build.lock'),
  };
}

/**
 * A finished build of these sources, if the cache holds one. Looks at the presence and size of its files, not at their
 * contents: that takes a millisecond, and the folder is moved into place only when everything in it has been written.
 */
export async function findEmbeddedBuild(options: {
  sourceDir: string;
  cacheDir: string;
}): Promise<EmbeddedBuild | undefined> {
  return readBuild(options.cacheDir, await embeddedBuildHash(options.sourceDir));
}

/** As `findEmbeddedBuild`, for a hash that is known already. */
export async function readBuild(cacheDir: string, hash: string): Promise<EmbeddedBuild | undefined> {
  const dir = buildPlaces(cacheDir, hash).build;
  const record = await readRecord(join(dir, 'build.json'));
  if (record?.hash !== hash) return undefined;
  const whole = await Promise.all(
    Object.entries(record.files).map(([path, size]) => hasSize(join(dir, path), size)),
  );
  if (whole.includes(false)) return undefined;
  return {
    dir,
    hash,
    kubeBinary: join(dir, record.kubeBinary),
    images: record.images.map(({ ref, tar }) => ({ ref, tar: join(dir, tar) })),
    charts: join(dir, record.charts),
  };
}

async function readRecord(path: string): Promise<BuildRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // Not there, or not whole: both mean that there is no build here.
    return undefined;
  }
}

async function hasSize(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === size;
}

/** Path → size of every file below `dir`, paths relative to it. */
export async function fileSizes(dir: string): Promise<Record<string, number>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = files.map(async (path) => [path.slice(dir.length + 1), (await stat(path)).size] as const);
  return Object.fromEntries(await Promise.all(sizes));
}

/** Removes what a finished build makes useless: Go's caches, other builds and their remains. */
export async function prune(cacheDir: string, hash: string, keep: readonly string[]): Promise<void> {
  const { root, build, lock } = buildPlaces(cacheDir, hash);
  const kept = new Set([build, ...keep]);
  for (const name of await readdir(root)) {
    const path = join(root, name);
    // Contenders for the lock have files of their own beside it.
    if (kept.has(path) || path.startsWith(lock)) continue;
    await rm(path, { recursive: true, force: true });
  }
}
