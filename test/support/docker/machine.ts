import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import type { CliResult } from '../../e2e/cli.js';
import { sharedCacheDir } from '../cache.js';
import type { DockerEngine } from './engine.js';
import { importRoot, makeRoot } from './images.js';

const checkout = resolve(import.meta.dirname, '../../..');
const image = 'machine:test';
const stateDir = '/state';

export interface MachineOptions {
  readonly name: string;
  /** Of `docker run`: `--privileged`. @default none */
  readonly flags?: readonly string[];
  /** Where the state folder is: a volume as it should be, or the container's own layer. @default volume */
  readonly state?: 'volume' | 'layer';
}

/**
 * A container such as those of CI systems: started with a program that only waits and reaps nobody, entered with `docker
 * exec`. It has the programs of this machine, this checkout, the cache folder, and else nothing of it.
 */
export class Machine {
  private readonly engine: DockerEngine;
  private readonly name: string;

  private constructor(engine: DockerEngine, name: string) {
    [this.engine, this.name] = [engine, name];
  }

  static async start(
    engine: DockerEngine,
    { name, flags = [], state = 'volume' }: MachineOptions,
  ): Promise<Machine> {
    if ((await engine.docker('image', 'ls', '--quiet', image)) === '') await makeImage(engine);
    const shared = ['/usr', '/etc', checkout].map((path) => `${path}:${path}:ro`);
    const volumes = [
      ...[...shared, `${sharedCacheDir}:${sharedCacheDir}`],
      ...(state === 'volume' ? [`${name}-state:${stateDir}`] : []),
    ];
    await engine.docker(
      ...['run', '--detach', '--name', name, ...flags],
      ...volumes.flatMap((volume) => ['--volume', volume]),
      ...['--env', `HOME=${homedir()}`, '--env', 'NO_COLOR=1'],
      ...['--env', `TRACEWRIGHT_STATE_DIR=${stateDir}`, '--env', `TRACEWRIGHT_CACHE_DIR=${sharedCacheDir}`],
      ...[image, 'tail', '-f', '/dev/null'],
    );
    return new Machine(engine, name);
  }

  /** Runs the built command line of this checkout in it. */
  async tracewright(...args: string[]): Promise<CliResult> {
    return this.exec(process.execPath, join(checkout, 'bin/tracewright.js'), ...args);
  }

  async exec(...command: string[]): Promise<CliResult> {
    const options = { reject: false, env: this.engine.variables };
    const { exitCode, stdout, stderr } = await execa('docker', ['exec', this.name, ...command], options);
    return { exitCode, stdout, stderr };
  }

  /** With the volume of its state folder. */
  async remove(): Promise<void> {
    await this.engine.docker('rm', '--force', '--volumes', this.name);
    await this.engine.docker('volume', 'rm', '--force', `${this.name}-state`);
  }
}

async function makeImage(engine: DockerEngine): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'docker-root-'));
  try {
    await makeRoot(root);
    await importRoot(engine, root, { name: image, changes: [`ENV PATH=${String(process.env['PATH'])}`] });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
