import { copyFile, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findProgram } from '../../../src/tools/find-program.js';
import { run } from '../../../src/tools/process.js';
import type { DockerEngine } from './engine.js';

/** As every Linux of today has them: what was beside /usr is in it. */
const merged = ['bin', 'sbin', 'lib', 'lib64'];

/** Makes the root of an image in an empty folder: no program is in it yet. */
export async function makeRoot(root: string): Promise<void> {
  for (const name of merged) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  for (const name of ['dev', 'etc', 'proc', 'root', 'run', 'sys', 'var/lib', 'var/log'])
    await mkdir(join(root, name), { recursive: true });
  await mkdir(join(root, 'tmp'), { mode: 0o1777 });
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\n');
  await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}

/**
 * Copies programs of this machine into the root of an image, to where they are here, each with the libraries that it
 * loads.
 * @param programs names on PATH, or absolute paths, of libraries too
 */
export async function copyPrograms(root: string, programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    const path = program.startsWith('/') ? program : await findProgram(program, process.env['PATH']);
    if (path === undefined) throw new Error(`There is no ${program} to put into an image.`);
    await copyInto(root, path, path);
    for (const library of await librariesOf(path)) await copyInto(root, library, library);
  }
}

/** Copies a file, what a link leads to, into the root of an image. @param to absolute, in the image */
export async function copyInto(root: string, from: string, to: string): Promise<void> {
  await mkdir(dirname(join(root, to)), { recursive: true });
  await copyFile(await realpath(from), join(root, to));
}

/** What the loader would load; nothing for a script or a program that needs no library. */
async function librariesOf(path: string): Promise<string[]> {
  const { stdout } = await run('ldd', [path]).catch(() => ({ stdout: '' }));
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gmu)].map(([, library = '']) => library);
}

export interface ImageOptions {
  /** Such as `rancher/k3s:v1.31.5-k3s1`. */
  readonly name: string;
  /** Instructions of a Dockerfile: `ENTRYPOINT ["/bin/sh"]`, `VOLUME /var/lib`. @default none */
  readonly changes?: readonly string[];
}

/** Makes an image of one layer out of a folder. */
export async function importRoot(
  engine: DockerEngine,
  root: string,
  { name, changes = [] }: ImageOptions,
): Promise<void> {
  const scratch = await mkdtemp(join(engine.folder, 'import-'));
  try {
    const archive = join(scratch, 'root.tar');
    await run('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', root, '-cf', archive, '.']);
    await engine.docker('import', ...changes.flatMap((it) => ['--change', it]), archive, name);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Builds the Dockerfile of a folder with the engine's own builder: what is downloaded for it, nobody can. */
export async function buildImage(
  engine: DockerEngine,
  folder: string,
  name: string,
  ...args: string[]
): Promise<void> {
  await engine.run('docker', ['build', '--tag', name, ...args, folder], { env: { DOCKER_BUILDKIT: '0' } });
}
