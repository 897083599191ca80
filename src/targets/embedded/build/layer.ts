import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { once } from 'node:events';
import { pack, type Header, type Pack } from 'tar-stream';

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
export type EntryHeader = Partial<Header> & Pick<Header, 'name'>;

/** Always the same: the bytes of an image depend on what is in it, never on when it was made. */
const mtime = new Date(0);

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
export async function streamEntry(
  tar: Pack,
  header: EntryHeader,
  content: AsyncIterable<unknown>,
): Promise<void> {
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
