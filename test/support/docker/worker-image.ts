import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { run } from '../../../src/tools/process.js';
import { madeOnce } from '../cache.js';
import { loadBuildImages, loadDebian } from '../compose/images.js';
import { composeProgram } from '../compose/programs.js';
import { workerImage, workerTags } from '../kubernetes/overlays.js';
import { DockerEngine } from './engine.js';
import { openProxyExit } from './exit.js';

const checkout = resolve(import.meta.dirname, '../../..');
const patienceMs = 20 * 60_000;
/** Longer than any run of tests takes: an older image, of other sources, is in nobody's hands. It has 800 MB. */
const keptForMs = 2 * 60 * 60_000;
/** What the compose file calls it. */
const builtName = 'tracewright-worker:0.1.0';

/**
 * The worker's image: built by Compose from deploy/Dockerfile, upon stand-ins for the images that it begins with, on an
 * engine of its own. Once for each state of what goes in: it takes minutes.
 * @returns a folder with one archive, `worker.tar`, in which it has the compose file's name and those of the page about Kubernetes
 */
export async function workerImageFolder(): Promise<string> {
  const name = `worker-image-${await stateOfProject()}`;
  return madeOnce(name, patienceMs, async (scratch) => {
    const project = join(scratch, 'project');
    const made = join(scratch, 'made');
    await mkdir(made);
    await copyProject(project);
    const engine = await DockerEngine.open();
    try {
      await loadDebian(engine);
      await loadBuildImages(engine);
      const compose = await composeProgram();
      await withWayOut(engine, (args) =>
        engine.run(compose, ['build', ...args, 'worker'], {
          cwd: project,
          env: { POSTGRES_PASSWORD: 'planted-in-a-test' },
        }),
      );
      const published = workerTags.map((tag) => `${workerImage}:${tag}`);
      for (const other of published) await engine.docker('tag', builtName, other);
      await engine.docker('save', '--output', join(made, 'worker.tar'), builtName, ...published);
    } finally {
      await engine.close();
    }
    await removeOld(dirname(scratch), basename(scratch));
    return made;
  });
}

/** Gives an engine the worker's image, under the names of `workerImageFolder`. */
export async function loadWorkerImage(engine: DockerEngine): Promise<void> {
  await engine.docker('load', '--quiet', '--input', join(await workerImageFolder(), 'worker.tar'));
}

/** Copies what the compose file and deploy/Dockerfile need, and nothing that only lies around here. */
export async function copyProject(folder: string): Promise<void> {
  for (const path of await projectFiles()) await cp(join(checkout, path), join(folder, path));
}

async function projectFiles(): Promise<string[]> {
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: checkout,
  });
  const wanted =
    /^(?:bin|deploy|packaging|page|src|stacks)\/|^(?:docker-compose\.yml|package(?:-lock)?\.json|tsconfig[^/]*\.json|\.npmrc)$/u;
  return stdout.split('\0').filter((path) => wanted.test(path));
}

/** Of all that goes into the image, and of how it is made here. */
async function stateOfProject(): Promise<string> {
  const makers = ['docker/images', 'docker/worker-image', 'compose/images', 'compose/recipe'];
  const files = [...(await projectFiles()), ...makers.map((name) => `test/support/${name}.ts`)];
  const hash = createHash('sha256').update(process.version);
  for (const path of files.sort()) {
    const content = await readFile(join(checkout, path));
    hash.update(`${path}\0${String(content.length)}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}

async function removeOld(folder: string, making: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^worker-image-[0-9a-f]{16}/u.test(name) || name === making) continue;
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > keptForMs) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Builds need package registries, and the box has no way out: `build` gets arguments of `docker build` that open one. */
async function withWayOut(
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
