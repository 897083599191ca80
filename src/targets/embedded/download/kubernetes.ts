import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { extractTarball } from '../../../tools/archive.js';
import { megabytes, type OnProgress } from '../../../tools/download-progress.js';
import { downloadFiles, placeOf, type FileDownloadOptions } from '../../../tools/file-download.js';
import { diskFailure } from '../../../tools/go/failure.js';
import { withLock } from '../../../tools/lock.js';
import { whyUnreachable } from '../../../tools/registry/reachable.js';
import { readBuildFolder, writeRecord, type EmbeddedPrograms } from '../build/store.js';
import { architectures, kubernetesVersion, nodeImages, pinnedFiles, type PinnedFile } from './pins.js';
import { findPrebuilt, type PrebuiltPlace, type PrebuiltProgram } from './prebuilt.js';

export interface KubernetesSource extends Pick<FileDownloadOptions, 'variables' | 'from' | 'signal'> {
  readonly cacheDir: string;
  readonly prebuilt: PrebuiltPlace;
  /** @default those of this machine's processor */
  readonly files?: readonly PinnedFile[];
}

/** Raised when the code in this file makes something else out of the same files. */
const format = 1;
/** Longer than any download takes: whoever waits for another one's finds it done. In milliseconds. */
const lockTimeoutMs = 3_600_000;

/** What a download is made of. */
interface Parts {
  readonly files: readonly PinnedFile[];
  readonly own: Readonly<Record<string, PrebuiltProgram>>;
  readonly hash: string;
}

/** @returns or why nothing can be downloaded here, whatever the network does, as the end of a sentence */
async function partsOf(source: KubernetesSource): Promise<Parts | string> {
  const { prebuilt } = source;
  const arch = prebuilt.arch ?? process.arch;
  if (!isKnown(arch)) return `nothing is published for the processor ${arch}`;
  const own: Record<string, PrebuiltProgram> = {};
  for (const program of ['node', 'image-proxy'] as const) {
    const found = await findPrebuilt(program, prebuilt);
    if (typeof found === 'string') return found;
    own[program] = found;
  }
  const pinned = filesOf(source);
  const decides = [format, pinned, Object.values(own).map(({ sha256 }) => sha256)];
  const hash = createHash('sha256').update(JSON.stringify(decides)).digest('hex').slice(0, 16);
  return { files: pinned, own, hash };
}

function isKnown(arch: string): arch is keyof typeof architectures {
  return Object.hasOwn(architectures, arch);
}

/** Why Kubernetes cannot be downloaded on this machine, whatever the network does; `undefined` when it can. */
export async function whyNoDownload(source: KubernetesSource): Promise<string | undefined> {
  const parts = await partsOf(source);
  return typeof parts === 'string' ? parts : undefined;
}

/** Names of the programs that come with a download, so that the host needs not have them. */
export function downloadedNames(source: KubernetesSource): string[] {
  return filesOf(source).flatMap(({ programs }) =>
    typeof programs === 'string' ? programs : Object.values(programs),
  );
}

/** Where on the network the files lie: nowhere when a folder has them. */
export function downloadAddresses(source: KubernetesSource): string[] {
  const places = filesOf(source).map(({ url }) => placeOf(url, source.from));
  return places.filter((place) => !isAbsolute(place));
}

/** Looks for each file, for 3 seconds. @returns why one cannot be had; `undefined` when all can */
export async function whyNoAnswer(source: KubernetesSource): Promise<string | undefined> {
  const missing = filesOf(source)
    .map(({ url }) => placeOf(url, source.from))
    .find((place) => isAbsolute(place) && !existsSync(place));
  return missing === undefined ? whyUnreachable(downloadAddresses(source), source) : `there is no ${missing}`;
}

function filesOf({ prebuilt, files }: KubernetesSource): readonly PinnedFile[] {
  const arch = prebuilt.arch ?? process.arch;
  return files ?? (isKnown(arch) ? pinnedFiles(architectures[arch]) : []);
}

/** What was downloaded before, if the cache has it as a whole. */
export async function findKubernetes(source: KubernetesSource): Promise<EmbeddedPrograms | undefined> {
  const parts = await partsOf(source);
  return typeof parts === 'string' ? undefined : readDownload(source.cacheDir, parts.hash);
}

async function readDownload(cacheDir: string, hash: string): Promise<EmbeddedPrograms | undefined> {
  const found = await readBuildFolder(join(cacheDir, 'kubernetes', hash), hash);
  return found && { ...found, pulled: nodeImages };
}

/**
 * Where `whyNoDownload` says nothing against it: downloads what the node runs, checks it, and unpacks it into `<cacheDir>/kubernetes/<hash>`, which appears as a whole;
 * or finds it there. Two calls at once, also of two processes, make one download.
 * @throws TracewrightError `download.*`, `build.disk-full`, `state.locked`, `tool.cancelled`
 */
export async function provideKubernetes(
  source: KubernetesSource,
  onProgress: OnProgress,
): Promise<EmbeddedPrograms> {
  const { cacheDir, signal } = source;
  const parts = await partsOf(source);
  if (typeof parts === 'string') throw new Error(`Nothing can be downloaded here: ${parts}.`);
  const root = join(cacheDir, 'kubernetes');
  await mkdir(root, { recursive: true, mode: 0o700 });
  return withLock(join(root, 'lock'), { timeoutMs: lockTimeoutMs, signal }, async () => {
    try {
      return (await readDownload(cacheDir, parts.hash)) ?? (await download(source, parts, onProgress));
    } catch (error) {
      throw diskFailure(error, root);
    }
  });
}

async function download(
  source: KubernetesSource,
  parts: Parts,
  onProgress: OnProgress,
): Promise<EmbeddedPrograms> {
  const { cacheDir, from, variables, signal } = source;
  const root = join(cacheDir, 'kubernetes');
  const partial = join(root, `${parts.hash}.partial`);
  const [archives, bin] = [join(partial, 'archives'), join(partial, 'bin')];
  await mkdir(archives, { recursive: true, mode: 0o700 });
  const files = new Map(parts.files.map((file) => [join(archives, basename(file.url)), file]));
  const what = `Kubernetes ${kubernetesVersion}`;
  onProgress(`Downloading ${what}`);
  let told = '';
  await downloadFiles(files, {
    ...{ variables, from, signal },
    onBytes: (done, total) => {
      const text = `Downloading ${what}: ${megabytes(done)}${total === undefined ? '' : ` of ${megabytes(total)}`} MB`;
      if (text === told) return;
      told = text;
      onProgress(text, total === undefined ? undefined : Math.floor((100 * done) / total));
    },
  });
  onProgress(`Unpacking ${what}`);
  await rm(bin, { recursive: true, force: true });
  await mkdir(bin, { mode: 0o700 });
  for (const [path, { programs }] of files) {
    signal?.throwIfAborted();
    if (typeof programs === 'string') await copyFile(path, join(bin, programs));
    else
      await extractTarball(
        path,
        Object.fromEntries(Object.entries(programs).map(([entry, name]) => [entry, join(bin, name)])),
      );
  }
  for (const [name, { path }] of Object.entries(parts.own)) await copyFile(path, join(bin, name));
  const names = await readdir(bin);
  for (const name of names) await chmod(join(bin, name), 0o755);
  await rm(archives, { recursive: true });
  await writeRecord(partial, { hash: parts.hash, programs: names, images: [], charts: 'charts' });
  // What runs from an earlier one has it in its cluster's folder.
  for (const name of await readdir(root))
    if (name !== basename(partial) && !name.startsWith('lock'))
      await rm(join(root, name), { recursive: true, force: true });
  await rename(partial, join(root, parts.hash));
  const whole = await readDownload(cacheDir, parts.hash);
  if (!whole) throw new Error(`The download in ${root} is not whole right after it was made.`);
  return whole;
}
