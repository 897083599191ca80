import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Progress } from '../src/domain/progress.js';

const program = fileURLToPath(new URL('../bin/tracewright.js', import.meta.url));

/** The built command line with folders of its own. */
export class BenchCli {
  private readonly env: Record<string, string>;

  constructor(stateDir: string, cacheDir: string) {
    this.env = { TRACEWRIGHT_STATE_DIR: stateDir, TRACEWRIGHT_CACHE_DIR: cacheDir, NO_COLOR: '1' };
  }

  /** Runs a command to its end. @returns its wall time in milliseconds; throws with its output when it fails */
  async time(...args: string[]): Promise<number> {
    const started = performance.now();
    await execa(process.execPath, [program, ...args], {
      env: this.env,
      stdout: 'inherit',
      stderr: 'inherit',
    });
    return performance.now() - started;
  }

  async progress(): Promise<Progress> {
    const { stdout } = await execa(process.execPath, [program, 'status', '--json'], { env: this.env });
    return JSON.parse(stdout) as Progress;
  }
}
