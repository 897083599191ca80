import { chmod, cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import { findProgram, isAtLeast, type ProvidedTool, type ToolSource } from '../../tools/find-program.js';
import { CompileProgress, downloadModule, runGo, type Go, type GoLine } from '../../tools/go/go.js';
import { withLock } from '../../tools/lock.js';
import { run, type ProcessOwner } from '../../tools/process.js';

/** The first that reads k3d.io/v1alpha5. */
export const minimumK3dVersion = '5.5.0';

export interface K3dModule {
  readonly path: string;
  /** Without a leading "v". */
  readonly version: string;
  /** As in go.sum: `h1:<base64>`. */
  readonly sum: string;
  /** What the release of that version takes without `--image`. */
  readonly k3s: string;
}

/**
 * k3d as a Go module. The sum is that of the module in Go's checksum database; the module's own go.sum pins all others.
 * Its releases on GitHub are not fetched: no digest of theirs could be verified where this was written.
 */
export const k3dModule: K3dModule = {
  path: 'github.com/k3d-io/k3d/v5',
  version: '5.8.3',
  sum: 'h1:TRgPQNEV48b2PYXfus2F7fPepE7BKub4erNkY17K8Zs=',
  k3s: 'v1.31.5-k3s1',
};

const installRemedy =
  'Install k3d (https://k3d.io/stable/#installation, or `brew install k3d`), or Go, with which it is built here.';

export interface K3dSource extends ToolSource {
  readonly owner?: ProcessOwner | undefined;
}

/** How k3d can be had, without doing anything about it. */
export type K3dFinding = ProvidedTool | 'buildable' | undefined;

/** The k3d on PATH that is new enough, or the one that was built here; `buildable` where Go could build it. */
export async function findK3d({ cacheDir, environment, signal }: K3dSource): Promise<K3dFinding> {
  const onPath = await findProgram('k3d', environment['PATH']);
  if (onPath !== undefined) {
    const version = await k3dVersion(onPath, { environment, signal });
    if (version !== undefined && isAtLeast(version, minimumK3dVersion))
      return { path: onPath, version, source: 'path' };
  }
  const built = await findProgram('k3d', toolFolder(cacheDir));
  if (built !== undefined) return { path: built, version: k3dModule.version, source: 'download' };
  return (await findProgram('go', environment['PATH'])) === undefined ? undefined : 'buildable';
}

/**
 * k3d: from PATH when it is new enough, otherwise built once from its Go module; tells how far the build is.
 * @throws TracewrightError `tool.missing`, `download.checksum-mismatch`, `build.*`, `tool.cancelled`
 */
export async function provideK3d(source: K3dSource, module = k3dModule): Promise<ProvidedTool> {
  const found = await findK3d(source);
  if (found === undefined) throw missingK3d();
  if (found !== 'buildable') return found;
  const folder = toolFolder(source.cacheDir);
  await withLock(`${folder}.lock`, { timeoutMs: 30 * 60_000, signal: source.signal }, async () => {
    if ((await findProgram('k3d', folder)) === undefined) await build(source, folder, module);
  });
  return { path: join(folder, 'k3d'), version: k3dModule.version, source: 'download' };
}

export function missingK3d(): TracewrightError {
  return new TracewrightError({
    type: 'tool.missing',
    message: `There is no k3d ${minimumK3dVersion} or newer on PATH, and no Go to build it with.`,
    remedy: installRemedy,
  });
}

function toolFolder(cacheDir: string): string {
  return join(cacheDir, 'tools', `k3d-${k3dModule.version}`);
}

async function k3dVersion(
  path: string,
  { environment, signal }: Pick<ToolSource, 'environment' | 'signal'>,
): Promise<string | undefined> {
  const options = { env: environment, timeoutMs: 10_000, signal };
  const output = await run(path, ['version'], options).catch(() => undefined);
  return /^k3d version v?(\d+(?:\.\d+)*)/mu.exec(output?.stdout ?? '')?.[1];
}

/** In a copy of the module, so that its own go.sum pins every module that it needs. */
async function build(source: K3dSource, folder: string, module: K3dModule): Promise<void> {
  const partial = `${folder}.partial`;
  const { environment: variables, signal, owner } = source;
  const go: Go = { cacheDir: join(partial, 'go'), variables, signal, owner };
  source.onProgress?.(`Building k3d ${module.version} from its Go module (a few minutes, once)`);
  await rm(partial, { recursive: true, force: true });
  try {
    await mkdir(join(partial, 'out'), { recursive: true, mode: 0o700 });
    const { path, version, sum, k3s } = module;
    const found = await downloadModule(go, partial, `${path}@v${version}`);
    if (found.sum !== sum) throw foreignModule(module, found.sum);
    const cwd = join(partial, 'module');
    await cp(found.dir, cwd, { recursive: true });
    const flags = `-s -w -X ${path}/version.Version=v${version} -X ${path}/version.K3sVersion=${k3s}`;
    const program = join(partial, 'out', 'k3d');
    const list = { cwd, args: ['list', '-deps', '.'], what: 'k3d', onLine: tellDownloads(source) };
    const packages = (await runGo(go, list)).trim().split('\n');
    const args = ['build', '-v', '-trimpath', `-ldflags=${flags}`, '-o', program, '.'];
    await runGo(go, { cwd, args, what: 'k3d', onLine: tellPackages(source, packages.length) });
    await chmod(program, 0o755);
    await rename(join(partial, 'out'), folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Its modules come before anything is compiled. */
function tellDownloads({ onProgress }: K3dSource): (line: GoLine) => void {
  return (line) => {
    if (line.kind === 'download') onProgress?.(`building k3d: downloading ${line.module}`, 0);
  };
}

/** @param expected how many packages are compiled */
function tellPackages({ onProgress }: K3dSource, expected: number): (line: GoLine) => void {
  const progress = new CompileProgress(expected);
  return (line) => {
    if (line.kind === 'package')
      onProgress?.(`building k3d: ${line.name}`, Math.floor(100 * progress.next()));
  };
}

function foreignModule({ version, sum: expected }: K3dModule, sum: string): TracewrightError {
  return new TracewrightError({
    type: 'download.checksum-mismatch',
    message: `The module of k3d ${version} is not the pinned one: expected ${expected}, got ${sum}.`,
    remedy: 'Check GOPROXY: it serves another module under this name. Nothing of it was used.',
  });
}
