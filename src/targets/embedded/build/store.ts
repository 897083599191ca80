import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';

/** What the node of an embedded cluster runs. */
export interface EmbeddedPrograms {
  readonly dir: string;
  /** Of everything that it was made of. A cluster that runs other programs is restarted with these. */
  readonly hash: string;
  /** Absolute path by name: those of Kubernetes, `node`, `image-proxy`, and of the host's own those that come with it. */
  readonly programs: Readonly<Record<string, string>>;
  /** Several images may stand in one tar: import each tar once. */
  readonly images: readonly { readonly ref: string; readonly tar: string }[];
  /** The two images that a node itself needs, where they are pulled. @default they are among `images` */
  readonly pulled?: { readonly sandbox: string; readonly dns: string };
}

/** Everything that runs in the embedded cluster, built. */
export interface EmbeddedBuild extends EmbeddedPrograms {
  /** A folder with one chart's folder a name. */
  readonly charts: string;
}

/** `build.json`: written last, read to find out whether a build is whole. Paths are relative to it. */
const recordSchema = z.object({
  hash: z.string(),
  /** Names of files in the folder `bin`. */
  programs: z.array(z.string()),
  images: z.array(z.object({ ref: z.string(), tar: z.string() })),
  charts: z.string(),
  /** Path → size in bytes, of every file but build.json itself. */
  files: z.record(z.string(), z.number()),
});

type BuildRecord = z.infer<typeof recordSchema>;

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
export function readBuild(cacheDir: string, hash: string): Promise<EmbeddedBuild | undefined> {
  return readBuildFolder(buildPlaces(cacheDir, hash).build, hash);
}

/** What was put into a folder, if it is there as a whole. */
export async function readBuildFolder(dir: string, hash: string): Promise<EmbeddedBuild | undefined> {
  const record = await readRecord(join(dir, 'build.json'));
  if (record?.hash !== hash) return undefined;
  const whole = await Promise.all(
    Object.entries(record.files).map(([path, size]) => hasSize(join(dir, path), size)),
  );
  if (whole.includes(false)) return undefined;
  return {
    dir,
    hash,
    programs: Object.fromEntries(record.programs.map((name) => [name, join(dir, 'bin', name)])),
    images: record.images.map(({ ref, tar }) => ({ ref, tar: join(dir, tar) })),
    charts: join(dir, record.charts),
  };
}

/** Writes down that the folder is whole now. */
export async function writeRecord(dir: string, record: Omit<BuildRecord, 'files'>): Promise<void> {
  const path = join(dir, 'build.json');
  await rm(path, { force: true });
  const whole: BuildRecord = { ...record, files: await fileSizes(dir) };
  await writeFile(path, `${JSON.stringify(whole, undefined, 2)}\n`);
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
async function fileSizes(dir: string): Promise<Record<string, number>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = files.map(async (path) => [path.slice(dir.length + 1), (await stat(path)).size] as const);
  return Object.fromEntries(await Promise.all(sizes));
}

/** Begins the names of what is about to go, in the cache folder. */
const removedPrefix = 'removed-';

/**
 * Removes what a finished build makes useless: Go's caches, other builds and their remains. It is out of the way at once;
 * to free its space takes seconds, for which nobody waits, and is done by a process that outlives this one. What a power
 * cut leaves of it, the next build removes.
 */
export async function prune(cacheDir: string, hash: string, keep: readonly string[]): Promise<void> {
  const { root, build, lock } = buildPlaces(cacheDir, hash);
  const kept = new Set([build, ...keep]);
  const removed = await mkdtemp(join(cacheDir, removedPrefix));
  for (const name of await readdir(root)) {
    const path = join(root, name);
    // Contenders for the lock have files of their own beside it.
    if (kept.has(path) || path.startsWith(lock)) continue;
    await rename(path, join(removed, name));
  }
  const doomed = (await readdir(cacheDir)).filter((name) => name.startsWith(removedPrefix));
  spawn('rm', ['-rf', '--', ...doomed], { cwd: cacheDir, detached: true, stdio: 'ignore' })
    .on('error', () => undefined)
    .unref();
}

/** Raised when the code in this folder makes something else out of the same sources. */
const format = 2;

/**
 * The content hash of everything that decides what a build makes: 16 hex digits over every file below `sourceDir`
 * (names and contents, not times), the processor's architecture and this code's format.
 *
 * Go's version is left out on purpose: another compiler makes other bytes, but programs that do the same, and a patch
 * release of Go would cost every user ten minutes for nothing. Go's tests with their data and what is written about
 * the sources are left out as well: no program has them.
 */
export async function embeddedBuildHash(sourceDir: string): Promise<string> {
  const sources = await sourcesHash(sourceDir);
  return createHash('sha256')
    .update(`${String(format)}\0${process.arch}\0${sources}`)
    .digest('hex')
    .slice(0, 16);
}

/** Of every input below a folder, in hex: names and contents. */
export async function sourcesHash(sourceDir: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of await inputFiles(sourceDir)) {
    hash.update(`${relative(sourceDir, path).split(sep).join('/')}\0${await fileHash(path)}\0`);
  }
  return hash.digest('hex');
}

/** Every input below `folder`, in an order that no locale changes. */
async function inputFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/_test\.go$|(?:^|\/)(?:testdata\/|README\.md$)/u.test(relative(folder, path)))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** SHA-256 of a file's contents, in hex. */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
