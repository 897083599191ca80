import { cp, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyPatch, parsePatch } from 'diff';

/** In the folder of a patch: a unified diff of files of the module. */
const diffFile = 'changes.patch';

/**
 * Makes a copy of a module with our changes: Go forbids laying files over its module cache. Files that do not change
 * are links, so that the 8,000 of Kubernetes take no second.
 * @param moduleDir where Go keeps the module
 * @param patchDir files that take the place of the module's, and `changes.patch`
 * @param target on the disk of `moduleDir`; it is there whole or not at all
 */
export async function patchModule(moduleDir: string, patchDir: string, target: string): Promise<void> {
  const unfinished = `${target}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await linkFiles(moduleDir, unfinished);
  for (const name of await readdir(patchDir)) {
    if (name === diffFile) await applyDiff(await readFile(join(patchDir, name), 'utf8'), unfinished);
    // Removed first: written through its link, the file in Go's cache would change.
    else await cp(join(patchDir, name), join(unfinished, name), { recursive: true, force: true });
  }
  await rename(unfinished, target);
}

async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, place] = [join(from, entry.name), join(to, entry.name)];
    // What Go's tests read is no part of a program.
    if (entry.isDirectory()) {
      if (entry.name !== 'testdata') await linkFiles(source, place);
    } else await link(source, place);
  }
}

async function applyDiff(text: string, folder: string): Promise<void> {
  for (const change of parsePatch(text)) {
    const path = join(folder, (change.newFileName ?? '').replace(/^b\//u, ''));
    const changed = applyPatch(await readFile(path, 'utf8'), change);
    if (changed === false)
      throw new Error(`${diffFile} does not fit ${path}: the module is of another version.`);
    await rm(path);
    await writeFile(path, changed);
  }
}
