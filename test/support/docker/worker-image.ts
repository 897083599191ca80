import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from '../../../src/tools/process.js';
import { loadBuildImages, loadDebian } from '../compose/images.js';
import type { DockerEngine } from './engine.js';
import { openProxyExit } from './exit.js';
import { buildImage } from './images.js';

const checkout = resolve(import.meta.dirname, '../../..');

/** Builds the worker's image from deploy/Dockerfile, with stand-ins for the images that it builds upon. */
export async function buildWorkerImage(engine: DockerEngine, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-worker-'));
  try {
    await copyProject(folder);
    await loadDebian(engine);
    await loadBuildImages(engine);
    await withWayOut(engine, (args) =>
      buildImage(engine, folder, name, '--file', join(folder, 'deploy/Dockerfile'), ...args),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies what the repository has of the worker's image, so that nothing is built that only lies around here. */
export async function copyProject(folder: string): Promise<void> {
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: checkout,
  });
  const wanted = stdout
    .split('\0')
    .filter((path) => /^(?:bin|deploy|packaging|page|src|stacks)\/|^[^/]+$/u.test(path));
  for (const path of wanted) await cp(join(checkout, path), join(folder, path), { recursive: true });
}

/**
 * Builds need package registries, and the box has no way out.
 * @param build gets arguments of `docker build` that open one
 */
export async function withWayOut(
  engine: DockerEngine,
  build: (args: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const proxy = await openProxyExit(engine.network, join(engine.folder, 'proxy.sock'));
  try {
    const address = `http://${await gatewayOf(engine)}:${String(proxy.port)}`;
    const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'];
    await build(proxies.flatMap((name) => ['--build-arg', `${name}=${address}`]));
  } finally {
    proxy.close();
  }
}

/** An address of the box that every container reaches. */
export async function gatewayOf(engine: DockerEngine): Promise<string> {
  const { stdout } = await engine.run('ip', ['-4', '-oneline', 'address', 'show', 'docker0']);
  const [, address] = /inet ([\d.]+)\//u.exec(stdout) ?? [];
  if (address === undefined) throw new Error('The engine has no bridge of its own.');
  return address;
}
