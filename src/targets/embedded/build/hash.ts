import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Raised when the code in this folder makes something else out of the same sources. */
const format = 1;

/**
 * The content hash of everything that decides what a build makes: 16 hex digits over every file below `sourceDir`
 * (names and contents, not times), the processor's architecture and this code's format.
 *
 * Go's version is left out on purpose: another compiler makes other bytes, but programs that do the same, and a patch
 * release of Go would cost every user ten minutes for nothing. Go's test files are left out as well: no program has
 * them.
 */
export async function embeddedBuildHash(sourceDir: string): Promise<string> {
  const hash = createHash('sha256').update(`${String(format)}\0${process.arch}\0`);
  for (const path of await inputFiles(sourceDir)) {
    hash.update(`${relative(sourceDir, path).split(sep).join('/')}\0${await fileHash(path)}\0`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Every input below `folder`, in an order that no locale changes. */
async function inputFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('_test.go'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** SHA-256 of a file's contents, in hex. */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
