import { join } from 'node:path';
import { run, type ProcessOwner } from '../process.js';
import { goFailure } from './failure.js';

/**
 * A look must leave nothing behind: Go counts its calls in files below this folder, and does without where it cannot.
 */
export const withoutTelemetry = { XDG_CONFIG_HOME: '/dev/null' } as const;

/** The `go` command with caches of its own, which are deleted after the build. */
export interface Go {
  /** Go's build and module caches live below this folder. */
  readonly cacheDir: string;
  /** On top of those of this process: proxies and checksum database are the user's. @default none */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal | undefined;
  readonly owner?: ProcessOwner | undefined;
}

export interface GoCommand {
  /** The folder of the module. */
  readonly cwd: string;
  readonly args: readonly string[];
  /** For messages. */
  readonly what: string;
  readonly onLine?: ((line: GoLine) => void) | undefined;
}

/**
 * Runs one `go` command. Without cgo every program is one static file that needs nothing of its image.
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
  const env = {
    ...go.variables,
    GOCACHE: join(go.cacheDir, 'build'),
    GOMODCACHE: join(go.cacheDir, 'mod'),
    GOFLAGS: '-mod=readonly -modcacherw -buildvcs=false',
    GOWORK: 'off',
    CGO_ENABLED: '0',
  };
  try {
    const { signal, owner } = go;
    return (await run('go', args, { cwd, env, signal, owner, onLine: follow })).stdout;
  } catch (error) {
    throw goFailure(error, what, messages);
  }
}

export interface GoModule {
  /** Where its files are; read-only for whoever is not root. */
  readonly dir: string;
  /** As in go.sum: `h1:<base64>`. */
  readonly sum: string;
}

/**
 * Downloads a module where the cache lacks it.
 * @param module a path that go.mod in `cwd` names, or `<path>@<version>`
 * @throws TracewrightError as `runGo`
 */
export async function downloadModule(go: Go, cwd: string, module: string): Promise<GoModule> {
  const output = await runGo(go, { cwd, args: ['mod', 'download', '-json', module], what: module });
  const { Dir: dir, Sum: sum } = JSON.parse(output) as { Dir: string; Sum: string };
  return { dir, sum };
}

/** What a line of Go's output tells. */
export type GoLine =
  | { kind: 'package'; name: string }
  | { kind: 'download'; module: string }
  /** Anything else: what a failure is explained with. */
  | { kind: 'message'; text: string };

/**
 * `go build -v` prints the import path of each package that it starts to compile, and nothing for those in its cache;
 * every `go` command prints `go: downloading <module> <version>`. Compilers' messages all hold a blank or a colon.
 */
export function parseGoLine(line: string): GoLine {
  const download = /^go: downloading (\S+) (\S+)$/u.exec(line);
  if (download) return { kind: 'download', module: `${download[1] ?? ''} ${download[2] ?? ''}` };
  if (/^[\w.~+-]+(\/[\w.~+-]+)*$/u.test(line)) return { kind: 'package', name: line };
  return { kind: 'message', text: line };
}

/** Of a graph's own time: up to here it lists and downloads, up to the other it compiles, then it links. */
const [listed, compiled] = [0.04, 0.92];

/** Follows one graph of modules through `go build -v`. */
export class CompileProgress {
  readonly #expected: number;
  #seen = 0;

  /** Whether that was the last package. Never, when some of those expected were in Go's cache already. */
  get isLast(): boolean {
    return this.#seen === this.#expected;
  }

  /** @param expected how many packages the build may have to compile */
  constructor(expected: number) {
    this.#expected = Math.max(1, expected);
  }

  /** @returns the fraction of the graph's time that has gone by once this package is being compiled */
  next(): number {
    this.#seen += 1;
    return listed + (compiled - listed) * Math.min(1, this.#seen / this.#expected);
  }
}
