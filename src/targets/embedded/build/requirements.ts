import { stat, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { isTracewrightError, TracewrightError } from '../../../domain/failure.js';
import { withoutTelemetry } from '../../../tools/go/go.js';
import { run } from '../../../tools/process.js';
import { gib } from '../../limits.js';

/** What the go.mod of embedded/images asks for; Kubernetes 1.34 would do with 1.24. */
const oldestGo = [1, 25] as const;
const installRemedy = `Install Go ${oldestGo.join('.')} or newer (https://go.dev/dl) and make sure that \`go\` is on PATH.`;

/** From this much memory on, Go's compiler and linker collect garbage less often. */
const roomyMemory = 8 * 2 ** 30;

/** Variables that keep the user's settings from changing what is built. */
export const pinnedGo = {
  GOTOOLCHAIN: 'local',
  GOOS: 'linux',
  GOARCH: undefined,
  GOEXPERIMENT: undefined,
  GOGC: totalmem() >= roomyMemory ? '400' : '100',
} as const;

/**
 * @param variables on top of those of this process
 * @returns Go's version, such as `1.24.4`
 * @throws TracewrightError `build.go-missing`, `build.go-too-old`
 */
export async function checkGo(
  signal?: AbortSignal,
  variables: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  let output: string;
  try {
    const env = { ...variables, ...pinnedGo, ...withoutTelemetry };
    output = (await run('go', ['version'], { env, signal })).stdout;
  } catch (error) {
    if (!isTracewrightError(error) || error.type !== 'tool.missing') throw error;
    throw new TracewrightError({
      type: 'build.go-missing',
      message: 'The embedded cluster is built with Go, and there is no `go` on PATH.',
      remedy: installRemedy,
      cause: error,
    });
  }
  return acceptGoVersion(output);
}

/** @param output what `go version` prints */
export function acceptGoVersion(output: string): string {
  const [, major, minor, rest = ''] = /\bgo(\d+)\.(\d+)([.\w]*)/u.exec(output) ?? [];
  // A version that cannot be read is one built from source ("devel"): newer than any release.
  if (major === undefined || minor === undefined) return output.trim();
  if (Number(major) === oldestGo[0] && Number(minor) < oldestGo[1]) {
    throw new TracewrightError({
      type: 'build.go-too-old',
      message: `The embedded cluster needs Go ${oldestGo.join('.')} or newer; the \`go\` on PATH is ${major}.${minor}${rest}.`,
      remedy: installRemedy,
    });
  }
  return `${major}.${minor}${rest}`;
}

/**
 * What a cold build holds on disk at its end, in bytes: 3.4 GiB of modules (measured), about 4 of compiled packages,
 * 1.1 of programs and images.
 */
const peak = 9 * 2 ** 30;

/**
 * Fails before ten minutes are spent when the disk cannot hold a build. A build that goes on has most of its files
 * already, so it is not asked.
 * @throws TracewrightError `build.disk-full`
 */
export async function requireDiskSpace({ root, go }: { root: string; go: string }): Promise<void> {
  if (await stat(go).catch(() => undefined)) return;
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  if (free >= peak) return;
  throw new TracewrightError({
    type: 'build.disk-full',
    message: `Building the embedded cluster needs ${gib(peak)} for a while; the disk of ${root} has ${gib(free)} free.`,
    remedy:
      'Make room, or point XDG_CACHE_HOME at a larger disk. Less than 1 GiB stays in use after the build.',
  });
}
