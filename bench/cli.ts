import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { FleetProgress } from '../src/domain/fleet.js';
import type { Progress } from '../src/domain/progress.js';

const program = fileURLToPath(new URL('../bin/tracewright.js', import.meta.url));

/** Aborts when the bench is asked to end, however often: npm and tsx pass the same signal on once more. */
export function interruptSignal(): AbortSignal {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      abort.abort();
    });
  return abort.signal;
}

/** The built command line with folders of its own. */
export class BenchCli {
  readonly stateDir: string;
  private readonly signal: AbortSignal | undefined;
  private readonly env: Record<string, string>;

  /** @param signal ends the commands that run */
  constructor(stateDir: string, cacheDir: string, signal?: AbortSignal) {
    this.stateDir = stateDir;
    this.signal = signal;
    this.env = { TRACEWRIGHT_STATE_DIR: stateDir, TRACEWRIGHT_CACHE_DIR: cacheDir, NO_COLOR: '1' };
  }

  /** Runs a command to its end. @returns its wall time in milliseconds; throws when it fails */
  time(...args: readonly string[]): Promise<number> {
    return this.follow(() => undefined, ...args);
  }

  /** The same, and tells each line of its output. */
  async follow(onLine: (line: string) => void, ...args: readonly string[]): Promise<number> {
    const started = performance.now();
    const command = execa(process.execPath, [program, ...args], {
      env: this.env,
      stdout: ['inherit', 'pipe'],
      stderr: 'inherit',
      buffer: false,
      ...(this.signal && { cancelSignal: this.signal }),
    });
    for await (const line of command.iterable({ from: 'stdout' })) onLine(line);
    await command;
    return performance.now() - started;
  }

  progress(): Promise<Progress> {
    return this.json('status');
  }

  fleet(): Promise<FleetProgress> {
    return this.json('fleet', 'status');
  }

  private async json<T>(...args: readonly string[]): Promise<T> {
    const { stdout } = await execa(process.execPath, [program, ...args, '--json'], { env: this.env });
    return JSON.parse(stdout) as T;
  }
}

/**
 * Runs `work` with a command line that has a state folder of its own. It takes down what it makes; where it fails
 * or is interrupted, the command `down` does, and where that fails as well, the folder stays and is named: clusters may still
 * run from it.
 */
export async function withCli<T>(
  { cacheDir, down = ['down'] }: { readonly cacheDir: string; readonly down?: readonly string[] },
  work: (cli: BenchCli) => Promise<T>,
): Promise<T> {
  const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-bench-'));
  const cli = new BenchCli(stateDir, cacheDir, interruptSignal());
  const remove = (): Promise<void> => rm(stateDir, { recursive: true, force: true });
  try {
    const result = await work(cli);
    await remove();
    return result;
  } catch (error) {
    await new BenchCli(stateDir, cacheDir).time(...down).catch(() => {
      throw new Error(`Left as it is: TRACEWRIGHT_STATE_DIR=${stateDir} tracewright ${down.join(' ')}`, {
        cause: error,
      });
    });
    await remove();
    throw error;
  }
}
