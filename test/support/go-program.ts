import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/tools/process.js';
import { madeOnce } from './cache.js';

/** Programs of somebody else's Go module, at one version. */
export interface GoPrograms {
  /** `go.temporal.io/server` */
  readonly module: string;
  /** With its leading "v". */
  readonly version: string;
  /** By the name of the program: the package, from the folder of the module. */
  readonly packages: Readonly<Record<string, string>>;
  /** Folders of the module that go beside the programs, such as database schemas. @default none */
  readonly folders?: readonly string[];
}

/** How long another test may build them; in milliseconds. */
const buildTimeoutMs = 30 * 60_000;

/**
 * Builds programs once a machine, with Go's own caches; the module's go.sum pins what they are built from.
 * @returns the folder that holds them
 */
export function buildGoPrograms(programs: GoPrograms): Promise<string> {
  const { module, version } = programs;
  return madeOnce(`${module.replaceAll('/', '+')}@${version}`, buildTimeoutMs, (scratch) =>
    build(programs, scratch),
  );
}

async function build(
  { module, version, packages, folders = [] }: GoPrograms,
  scratch: string,
): Promise<string> {
  const env = { GOFLAGS: '-mod=mod -buildvcs=false', GOWORK: 'off', CGO_ENABLED: '0', GOGC: '400' };
  const go = (cwd: string, ...args: string[]) => run('go', args, { cwd, env });
  const { stdout } = await go(scratch, 'mod', 'download', '-json', `${module}@${version}`);
  const { Dir: original } = JSON.parse(stdout) as { Dir: string };
  const source = join(scratch, 'source');
  await cp(original, source, { recursive: true });
  await run('chmod', ['-R', 'u+w', source]);
  const done = join(scratch, 'done');
  await mkdir(done);
  for (const name of folders) await cp(join(source, name), join(done, name), { recursive: true });
  const flags = ['-trimpath', '-gcflags=all=-dwarf=false', '-ldflags=-s -w'];
  for (const [name, path] of Object.entries(packages))
    await go(source, 'build', ...flags, '-o', join(done, name), path);
  return done;
}
