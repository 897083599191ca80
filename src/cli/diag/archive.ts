import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

export interface ArchiveFile {
  readonly path: string;
  readonly text: string;
}

/**
 * A gzipped tar of small files below one folder, in the order given; only their owner may read what is unpacked.
 * @param folder its name, so that unpacking makes one folder
 */
export async function packArchive(
  folder: string,
  files: readonly ArchiveFile[],
  mtime: Date,
): Promise<Buffer> {
  const tar = pack();
  const zipped = buffer(tar.pipe(createGzip()));
  for (const { path, text } of files) tar.entry({ name: `${folder}/${path}`, mode: 0o600, mtime }, text);
  tar.finalize();
  return zipped;
}
