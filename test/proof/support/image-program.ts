import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { extract, type Header } from 'tar-stream';

/**
 * Unpacks a docker-archive and gives its entry point, as a path and arguments of this machine. Enough for images of one
 * Go program.
 */
export async function unpackProgram(tar: string, folder: string): Promise<readonly string[]> {
  let command: readonly string[] | undefined;
  await eachEntry(createReadStream(tar), async ({ name }, content) => {
    if (name.endsWith('.tar')) {
      await eachEntry(content, (header, file) => writeEntry(folder, header, file));
    } else if (name.endsWith('.json') && name !== 'manifest.json') {
      const { config } = JSON.parse(await text(content)) as { config?: { Entrypoint?: string[] } };
      const [program = '', ...rest] = config?.Entrypoint ?? [];
      command = [join(folder, program), ...rest];
    }
  });
  if (!command) throw new Error(`${tar} has no image configuration`);
  return command;
}

async function eachEntry(
  tar: Readable,
  use: (header: Header, content: Readable) => Promise<void>,
): Promise<void> {
  const entries = extract();
  const piped = pipeline(tar, entries);
  for await (const entry of entries) {
    // A readable stream of the package's own make, as Node's in all that is used here.
    await use(entry.header, entry as unknown as Readable);
    entry.resume();
  }
  await piped;
}

async function writeEntry(
  folder: string,
  { name, type, mode, linkname }: Header,
  content: Readable,
): Promise<void> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  if (type === 'file') await pipeline(content, createWriteStream(path, { mode: mode | 0o600 }));
  if (type === 'symlink') await symlink(linkname, path);
}
