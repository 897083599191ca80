import { execa } from 'execa';
import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { testFolder } from './folder.js';

/** The texts of an archive by their paths, and the one folder that it unpacks to. */
export async function unpack(file: string): Promise<{ folder: string; texts: Map<string, string> }> {
  const into = await testFolder();
  await execa('tar', ['-xzf', file, '-C', into]);
  const [folder = '', ...others] = await readdir(into);
  if (others.length > 0) throw new Error(`The archive unpacks to several things: ${others.join(', ')}.`);
  const root = join(into, folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
  const texts = paths.map(async (path) => [relative(root, path), await readFile(path, 'utf8')] as const);
  return { folder, texts: new Map(await Promise.all(texts)) };
}
