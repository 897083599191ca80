import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';
import type { ImageRuntime } from './catalog.js';

/** Names of processors: Node's → those of images. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Always the same: the bytes of an image depend on what is in it, never on when it was made. */
const mtime = new Date(0);

/**
 * Writes a docker-archive, the file that `ctr images import` takes, with one layer that all of `refs` share.
 * Reads the layer's files twice (digest and size must stand before the contents) instead of keeping them in memory.
 * The file is there whole or not at all.
 */
export async function writeImage(
  path: string,
  layer: Layer,
  refs: Readonly<Record<string, ImageRuntime>>,
): Promise<void> {
  const { digest, size } = await measure(packLayer(layer));
  const images = Object.entries(refs).map(([ref, runtime]) => describe(ref, runtime, digest));
  const tar = pack();
  const layerFile = `${digest}.tar`;
  const writing = (async () => {
    addText(tar, 'manifest.json', JSON.stringify(images.map((image) => image.manifest(layerFile))));
    // Two names for one image have one configuration: written once.
    for (const [name, config] of new Map(images.map((image) => [image.name, image.config])))
      addText(tar, name, config);
    await streamEntry(tar, { name: layerFile, size, mode: 0o644, mtime }, packLayer(layer));
    tar.finalize();
  })().catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  const unfinished = `${path}.unfinished`;
  await pipeline(tar as AsyncIterable<Buffer>, createWriteStream(unfinished));
  await writing;
  await rename(unfinished, path);
}

interface ImageDescription {
  /** Of its configuration's file in the archive. */
  name: string;
  config: string;
  manifest: (layerFile: string) => { Config: string; RepoTags: string[]; Layers: string[] };
}

function describe(ref: string, runtime: ImageRuntime, layerDigest: string): ImageDescription {
  const config = JSON.stringify({
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config: {
      Entrypoint: runtime.entrypoint,
      ...(runtime.cmd && { Cmd: runtime.cmd }),
      User: runtime.user,
      WorkingDir: runtime.workdir,
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
  });
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  return { name, config, manifest: (layerFile) => ({ Config: name, RepoTags: [ref], Layers: [layerFile] }) };
}

async function measure(tar: Pack): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of tar as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: hash.digest('hex'), size };
}

function addText(tar: Pack, name: string, content: string): void {
  tar.entry({ name, mode: 0o644, mtime }, content);
}

/** What stands at a place in an image. */
export type LayerEntry =
  | { kind: 'folder'; mode?: number }
  | { kind: 'text'; content: string }
  | { kind: 'link'; target: string }
  /** A file of the host. */
  | { kind: 'file'; source: string };

/** Absolute place in the image → what stands there. */
export type Layer = ReadonlyMap<string, LayerEntry>;

/** What tar-stream wants to know of an entry. */
type EntryHeader = Partial<Header> & Pick<Header, 'name'>;

/**
 * What every image needs and no Go program brings along: a place for temporary files, names for the user ids that our
 * images use, and the order in which names are looked up.
 */
const base: Layer = new Map<string, LayerEntry>([
  ['/tmp', { kind: 'folder', mode: 0o1777 }],
  [
    '/etc/passwd',
    { kind: 'text', content: 'root:x:0:0::/:/\nnobody:x:65534:65534::/:/\nnonroot:x:65532:65532::/:/\n' },
  ],
  ['/etc/group', { kind: 'text', content: 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n' }],
  ['/etc/nsswitch.conf', { kind: 'text', content: 'hosts: files dns\n' }],
]);

/**
 * The layer as a tar stream with fixed times and owners, so that the same files make the same bytes. Files are
 * streamed.
 * @throws what reading a source throws, as the stream's error
 */
export function packLayer(layer: Layer): Pack {
  const tar = pack();
  void writeEntries(tar, withFolders(new Map([...base, ...layer]))).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return tar;
}

/** Adds the folders that the entries stand in, and sorts: a folder comes before what is in it. */
function withFolders(layer: Layer): [string, LayerEntry][] {
  const all = new Map<string, LayerEntry>(layer);
  for (const path of layer.keys()) {
    for (let folder = posix.dirname(path); folder !== '/'; folder = posix.dirname(folder)) {
      if (!all.has(folder)) all.set(folder, { kind: 'folder' });
    }
  }
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function writeEntries(tar: Pack, entries: readonly [string, LayerEntry][]): Promise<void> {
  for (const [path, entry] of entries) await writeEntry(tar, path.slice(1), entry);
  tar.finalize();
}

async function writeEntry(tar: Pack, name: string, entry: LayerEntry): Promise<void> {
  const common = { name, mtime, uid: 0, gid: 0 };
  switch (entry.kind) {
    case 'folder':
      tar.entry({ ...common, type: 'directory', mode: entry.mode ?? 0o755 });
      return;
    case 'text':
      tar.entry({ ...common, type: 'file', mode: 0o644 }, entry.content);
      return;
    case 'link':
      tar.entry({ ...common, type: 'symlink', mode: 0o777, linkname: entry.target });
      return;
    case 'file':
      await writeFile(tar, common, entry.source);
  }
}

async function writeFile(tar: Pack, common: EntryHeader, source: string): Promise<void> {
  const { mode: bits, size } = await stat(source);
  // Of the mode only whether it can be run: the rest depends on the umask of whoever built it.
  const mode = (bits & 0o100) === 0 ? 0o644 : 0o755;
  await streamEntry(tar, { ...common, type: 'file', mode, size }, createReadStream(source));
}

/** Writes one entry of a known size piece by piece, and waits whenever the reader of the tar is behind. */
async function streamEntry(tar: Pack, header: EntryHeader, content: AsyncIterable<unknown>): Promise<void> {
  const entry = tar.entry(header);
  const closed = once(entry, 'close');
  // Awaited below on every way; until then a reader that gives up must not count as an error that nobody handles.
  closed.catch(() => undefined);
  const closedEarly = closed.then(() => {
    throw new Error(`The reader of the tar went away while ${header.name} was written.`);
  });
  closedEarly.catch(() => undefined);
  for await (const chunk of content) {
    if (!entry.write(chunk)) await Promise.race([once(entry, 'drain'), closedEarly]);
  }
  entry.end(undefined);
  await closed;
}
