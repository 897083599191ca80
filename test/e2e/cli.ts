import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { sharedCacheDir } from '../support/cache.js';

const checkout = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));

export interface CliResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Cli {
  run(...args: string[]): Promise<CliResult>;
  /** One that goes on until it is stopped. */
  start(...args: string[]): RunningCli;
}

export interface RunningCli {
  /** What it has printed, standard error included. */
  readonly output: () => string;
  /** Ends it as Ctrl-C does. @returns its exit code */
  interrupt(): Promise<number | undefined>;
}

/** Runs the built command line, as a user calls it, with a state folder of its own: that of the checkout by default. */
export function createCli(
  stateDir: string,
  env: Readonly<Record<string, string | undefined>> = {},
  program = checkout,
): Cli {
  const spawn = (args: readonly string[]) =>
    execa(process.execPath, [program, ...args], {
      reject: false,
      all: true,
      env: {
        TRACEWRIGHT_STATE_DIR: stateDir,
        TRACEWRIGHT_CACHE_DIR: sharedCacheDir,
        NO_COLOR: '1',
        // Whatever engine runs here, `up` without a stack means the embedded one.
        DOCKER_HOST: 'unix:///nonexistent/docker.sock',
        ...env,
      },
    });
  return {
    run: async (...args) => {
      const { exitCode, stdout, stderr } = await spawn(args);
      return { exitCode, stdout, stderr };
    },
    start: (...args) => {
      const child = spawn(args);
      let text = '';
      child.all.on('data', (chunk: Buffer) => (text += chunk.toString()));
      return {
        output: () => text,
        interrupt: async () => {
          child.kill('SIGINT');
          return (await child).exitCode;
        },
      };
    },
  };
}
