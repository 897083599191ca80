import { totalmem } from 'node:os';
import { join } from 'node:path';
import { isTracewrightError, TracewrightError } from '../../../domain/failure.js';
import { run, type ProcessOwner } from '../../../tools/process.js';
import { goFailure } from './go-failure.js';
import { parseGoLine, type GoLine } from './progress.js';

/** What Kubernetes 1.34's go.mod asks for. */
const oldestGo = [1, 24] as const;
const installRemedy = `Install Go ${oldestGo.join('.')} or newer (https://go.dev/dl) and make sure that \`go\` is on PATH.`;

/**
 * A look must leave nothing behind: Go counts its calls in files below this folder, and does without where it cannot.
 */
export const withoutTelemetry = { XDG_CONFIG_HOME: '/dev/null' } as const;

/** From this much memory on, Go's compiler and linker collect garbage less often. */
const roomyMemory = 8 * 2 ** 30;

/** The `go` command with caches of its own, which are deleted after the build. */
export interface Go {
  /** Go's build and module caches live below this folder. */
  readonly cacheDir: string;
  readonly signal: AbortSignal | undefined;
  readonly owner?: ProcessOwner | undefined;
}

/**
 * @returns Go's version, such as `1.24.4`
 * @throws TracewrightError `build.go-missing`, `build.go-too-old`
 */
export async function checkGo(go: Go): Promise<string> {
  let output: string;
  try {
    const env = { ...goEnvironment(go), ...withoutTelemetry };
    output = (await run('go', ['version'], { env, signal: go.signal })).stdout;
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

export interface GoCommand {
  /** The folder of the graph. */
  cwd: string;
  args: readonly string[];
  /** For messages. */
  what: string;
  onLine?: (line: GoLine) => void;
}

/**
 * Runs one `go` command.
 * @returns its standard output
 * @throws TracewrightError `build.registry-unreachable`, `build.disk-full`, `build.compile-failed`, `tool.cancelled`
 */
export async function runGo(go: Go, { cwd, args, what, onLine }: GoCommand): Promise<string> {
  const messages: string[] = [];
  const follow = (text: string): void => {
    const line = parseGoLine(text);
    if (line.kind === 'message') messages.push(text);
    onLine?.(line);
  };
  try {
    const { stdout } = await run('go', args, {
      cwd,
      env: goEnvironment(go),
      signal: go.signal,
      owner: go.owner,
      onLine: follow,
    });
    return stdout;
  } catch (error) {
    throw goFailure(error, what, messages);
  }
}

/**
 * The user's proxies and checksum database stay in force; what would change the programs does not.
 * Without cgo every program is one static file that needs nothing of its image.
 */
function goEnvironment({ cacheDir }: Go): Record<string, string | undefined> {
  return {
    GOCACHE: join(cacheDir, 'build'),
    GOMODCACHE: join(cacheDir, 'mod'),
    GOFLAGS: '-mod=readonly -modcacherw -buildvcs=false',
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
    CGO_ENABLED: '0',
    GOOS: 'linux',
    GOARCH: undefined,
    GOEXPERIMENT: undefined,
    GOGC: totalmem() >= roomyMemory ? '400' : '100',
  };
}
