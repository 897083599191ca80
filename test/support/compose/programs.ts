import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../src/tools/process.js';
import { madeOnce } from '../cache.js';
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

/**
 * Temporal's server with its tool for SQL databases: many minutes of compiling, once a machine.
 * @param version such as `1.32.0`
 * @returns a folder with `temporal-server`, `temporal-sql-tool`, and the module's `docker` and `schema`
 */
export function temporalServer(version: string): Promise<string> {
  return buildGoPrograms({
    module: 'go.temporal.io/server',
    version: `v${version}`,
    packages: { 'temporal-server': './cmd/server', 'temporal-sql-tool': './cmd/tools/sql' },
    folders: ['docker', 'schema'],
  });
}

/**
 * The Temporal Web UI of the compose file.
 * @param version such as `2.54.1`
 * @returns a folder with `ui-server`, and the module's `config` and `docker`
 */
export function temporalUi(version: string): Promise<string> {
  return buildGoPrograms({
    module: 'github.com/temporalio/ui-server/v2',
    version: `v${version}`,
    packages: { 'ui-server': './cmd/server' },
    folders: ['config', 'docker'],
  });
}

/**
 * A Debian of its own, once a machine: what official images are made of.
 * @param include packages beyond the smallest that works
 * @returns a tar of its files
 */
export async function debianRoot(...include: readonly string[]): Promise<string> {
  const tool = await unpackedPackages('mmdebstrap');
  const folder = await madeOnce(['debian-root', ...include].join('+'), 15 * 60_000, async (scratch) => {
    const options = ['--variant=minbase', '--mode=root', '--format=tar'];
    if (include.length > 0) options.push(`--include=${include.join(',')}`);
    const sources = '/etc/apt/sources.list.d/debian.sources';
    const made = join(scratch, 'made');
    await mkdir(made);
    const args = [join(tool, 'usr/bin/mmdebstrap'), ...options, 'bookworm', join(made, 'root.tar'), sources];
    await run('perl', args);
    return made;
  });
  return join(folder, 'root.tar');
}
