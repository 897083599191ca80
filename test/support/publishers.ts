import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sourcesHash } from '../../src/targets/embedded/build/store.js';
import { architectures, pinnedFiles, type PinnedFile } from '../../src/targets/embedded/download/pins.js';
import { ownPrograms } from '../../src/targets/embedded/download/prebuilt.js';
import { embeddedSourceDir } from '../../src/targets/open-target.js';
import { run } from '../../src/tools/process.js';

/** What the publishers of the node's programs have, at the places where they have it. */
export interface Published {
  /** With the digests of these files. */
  readonly files: PinnedFile[];
  /** `/<host>/<path>` → file. */
  readonly paths: Record<string, string>;
}

/** Packs programs as their publishers do. @param programs name → file */
export async function publish(folder: string, programs: ReadonlyMap<string, string>): Promise<Published> {
  const paths: Record<string, string> = {};
  const files: PinnedFile[] = [];
  for (const pinned of pinnedFiles(architectures[process.arch as 'x64'])) {
    const { host, pathname } = new URL(pinned.url);
    const file = join(folder, host, pathname);
    await mkdir(dirname(file), { recursive: true });
    if (typeof pinned.programs === 'string') await copyFile(programs.get(pinned.programs) ?? '', file);
    else await pack(file, pinned.programs, programs);
    paths[`/${host}${pathname}`] = file;
    files.push({ ...pinned, digest: await digestOf(file, pinned.digest.split(':')[0] ?? '') });
  }
  return { files, paths };
}

async function pack(
  file: string,
  entries: Readonly<Record<string, string>>,
  programs: ReadonlyMap<string, string>,
): Promise<void> {
  const tree = `${file}.tree`;
  for (const [entry, name] of Object.entries(entries)) {
    await mkdir(dirname(join(tree, entry)), { recursive: true });
    const source = programs.get(name) ?? '';
    // No hard link: tar fails when others link the same file meanwhile.
    await copyFile(source, join(tree, entry));
  }
  // CNI's archive has names that begin with "./".
  await run('tar', ['--use-compress-program=gzip -1', '-C', tree, '-cf', file, '.']);
  await rm(tree, { recursive: true });
}

async function digestOf(file: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return `${algorithm}:${hash.digest('hex')}`;
}

/** Makes the folder `prebuilt` of a package. @param programs the two of ours, name → file */
export async function prebuild(folder: string, programs: Readonly<Record<string, string>>): Promise<string> {
  const sums: Record<'sources' | 'files', Record<string, string>> = { sources: {}, files: {} };
  for (const [name, graph] of Object.entries(ownPrograms)) {
    const file = `linux-${process.arch}/${name}`;
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await copyFile(programs[name] ?? '', join(folder, file));
    await chmod(join(folder, file), 0o644); // npm may take the right to execute away
    sums.sources[graph] = await sourcesHash(join(embeddedSourceDir, graph));
    sums.files[file] = (await digestOf(join(folder, file), 'sha256')).replace('sha256:', '');
  }
  await writeFile(join(folder, 'checksums.json'), JSON.stringify(sums));
  return folder;
}
