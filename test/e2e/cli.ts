import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { sharedCacheDir } from '../support/cache.js';

const program = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));

export interface CliResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line, as a user calls it, with a state folder of its own. */
export function createCli(
  stateDir: string,
  env: Readonly<Record<string, string | undefined>> = {},
): { run: (...args: string[]) => Promise<CliResult> } {
  return {
    run: async (...args) => {
      const { exitCode, stdout, stderr } = await execa(process.execPath, [program, ...args], {
        reject: false,
        env: {
          TRACEWRIGHT_STATE_DIR: stateDir,
          TRACEWRIGHT_CACHE_DIR: sharedCacheDir,
          NO_COLOR: '1',
          // Whatever engine runs here, `up` without a stack means the embedded one.
          DOCKER_HOST: 'unix:///nonexistent/docker.sock',
          ...env,
        },
      });
      return { exitCode, stdout, stderr };
    },
  };
}
