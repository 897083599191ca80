import { readdir } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { ensureHostPrograms } from '../../../src/targets/embedded/packages.js';
import { findProgram } from '../../../src/tools/find-program.js';
import { run } from '../../../src/tools/process.js';
import { madeOnce } from '../cache.js';

/** Where the programs of a Docker engine are. */
export interface DockerPrograms {
  /** Absolute. */
  readonly dockerd: string;
  /** Absolute. */
  readonly runc: string;
  /** PATH with everything that `dockerd` starts, and with a `docker`. */
  readonly path: string;
}

/** What the machine must have to keep an engine away from its own network. */
const neededPrograms = ['unshare', 'nsenter', 'bash', 'ip'];

/**
 * Says aloud why no Docker engine of the tests' own can run here; `undefined` where one can. Where the machine lacks
 * the programs, they come from Debian's packages: containerd, runc and iptables are installed as the embedded cluster
 * installs them, and `docker.io` is unpacked into the cache folder, so that no service of it is ever begun.
 */
export async function whyNoDocker(): Promise<string | undefined> {
  const reason = await why();
  if (reason !== undefined)
    console.warn(`The tests that need a Docker engine are SKIPPED on this machine: ${reason}`);
  return reason;
}

async function why(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'it is not Linux';
  if (process.getuid?.() !== 0) return 'it takes root';
  for (const program of neededPrograms)
    if ((await findProgram(program, process.env['PATH'])) === undefined) return `there is no ${program}`;
  try {
    await run('unshare', ['--mount', '--net', '--pid', '--fork', 'true']);
    await dockerPrograms();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

let found: Promise<DockerPrograms> | undefined;

/** The engine's programs, brought here once a machine. @throws TracewrightError where they cannot be had */
export function dockerPrograms(): Promise<DockerPrograms> {
  return (found ??= provide());
}

async function provide(): Promise<DockerPrograms> {
  const { paths } = await ensureHostPrograms({ onProgress: () => undefined });
  const installed = await findProgram('dockerd', process.env['PATH']);
  // tini is its docker-init.
  const folder = installed ?? (await unpackedPackages('docker.io', 'tini'));
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...[...paths.values()].map((path) => dirname(path)),
    ...(installed === undefined ? ['usr/bin', 'usr/sbin'].map((it) => join(folder, it)) : []),
  ];
  const path = [...new Set(folders)].join(delimiter);
  const [dockerd, runc] = await Promise.all(['dockerd', 'runc'].map((name) => findProgram(name, path)));
  if (dockerd === undefined || runc === undefined) throw new Error('the package docker.io has no dockerd');
  return { dockerd, runc, path };
}

/**
 * Unpacks packages of Debian, without installing them, into a folder of the cache: once a machine.
 * @returns the folder, which is the root of what they hold
 */
export function unpackedPackages(...debianPackages: string[]): Promise<string> {
  return madeOnce(debianPackages.join('+'), 300_000, async (scratch) => {
    await download(debianPackages, scratch);
    const unpacked = join(scratch, 'unpacked');
    for (const name of (await readdir(scratch)).filter((it) => it.endsWith('.deb')))
      await run('dpkg', ['-x', join(scratch, name), unpacked]);
    return unpacked;
  });
}

async function download(debianPackages: readonly string[], cwd: string): Promise<void> {
  const get = () => run('apt-get', ['-qq', 'download', ...debianPackages], { cwd });
  try {
    await get();
  } catch {
    // A fresh machine knows no packages yet.
    await run('apt-get', ['-qq', 'update']);
    await get();
  }
}
