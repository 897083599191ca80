import { access, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../../../src/tools/lock.js';
import { run } from '../../../src/tools/process.js';
import { sharedCacheDir } from '../cache.js';
import { unpackedPackages } from '../docker/package.js';
import { buildGoPrograms, type GoPrograms } from '../go-program.js';

const compose: GoPrograms = {
  module: 'github.com/docker/compose/v2',
  version: 'v2.40.3',
  packages: { 'docker-compose': './cmd' },
};

/** Compose v2. @returns its path */
export async function composeProgram(): Promise<string> {
  return join(await buildGoPrograms(compose), 'docker-compose');
}

/** A Debian of its own, once a machine: what official images are made of. @returns a tar of its files */
export async function debianRoot(): Promise<string> {
  const root = join(sharedCacheDir, 'tests', 'debian-root.tar');
  const tool = await unpackedPackages('mmdebstrap');
  await withLock(`${root}.lock`, { timeoutMs: 15 * 60_000 }, async () => {
    const there = await access(root).then(
      () => true,
      () => false,
    );
    if (there) return;
    const partial = `${root}.partial`;
    const options = ['--variant=minbase', '--mode=root', '--format=tar'];
    const sources = '/etc/apt/sources.list.d/debian.sources';
    await run('perl', [join(tool, 'usr/bin/mmdebstrap'), ...options, 'bookworm', partial, sources]);
    await rename(partial, root);
  });
  return root;
}
