import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hierarchies } from '../../src/targets/embedded/control-groups.js';
import { proportionalSetSize } from '../memory.js';

export interface Command {
  readonly argv: readonly [program: string, ...args: string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Both outputs are appended. */
  readonly logFile: string;
}

/** Between two looks at the memory of all processes, in milliseconds. */
const sampleMs = 200;

/**
 * A control group (v2) around everything that a contender starts, daemons included: it counts their processor time,
 * those that have ended long since among them, and ends them all at once.
 */
export class Group {
  private readonly folder: string;
  private sampling = true;
  private peak = 0;
  private readonly samples: Promise<void>;

  private constructor(folder: string) {
    this.folder = folder;
    this.samples = this.sample();
  }

  /** @throws Error where this machine has no control groups of v2, or may not make one */
  static async make(name: string): Promise<Group> {
    const unified = (await hierarchies()).find(({ controllers }) => controllers === undefined);
    if (!unified) throw new Error('This bench needs control groups of version 2, and none are mounted.');
    const folder = join(unified.mountPoint, name);
    await mkdir(folder);
    return new Group(folder);
  }

  /** Starts a program as a member from its first instruction on. @returns its exit code; `null` when it was killed */
  async run({ argv, cwd, env, logFile }: Command): Promise<number | null> {
    const log = await open(logFile, 'a', 0o600);
    const join = 'echo $$ > "$0" && exec "$@"';
    const child = spawn('sh', ['-c', join, this.file('cgroup.procs'), ...argv], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    try {
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    } finally {
      await log.close();
    }
  }

  /** Of all members, those that have ended included; in milliseconds. */
  async processorMs(): Promise<number> {
    const text = await readFile(this.file('cpu.stat'), 'utf8');
    return Number(/^usage_usec (\d+)$/mu.exec(text)?.[1]) / 1_000;
  }

  /** The most that all members together have had at one of the looks: proportional set size, in bytes. */
  get peakBytes(): number {
    return this.peak;
  }

  /** SIGKILL for every member at once; waits until all are gone. */
  async kill(): Promise<void> {
    await writeFile(this.file('cgroup.kill'), '1');
    // A process that dies is no member any more before the last of its threads is gone.
    while (/^populated 1$/mu.test(await readFile(this.file('cgroup.events'), 'utf8'))) await sleep(10);
  }

  /** Ends what is left of it. */
  async close(): Promise<void> {
    this.sampling = false;
    await this.samples;
    await this.kill();
    await rmdir(this.folder);
  }

  private file(name: string): string {
    return join(this.folder, name);
  }

  private async members(): Promise<string[]> {
    return (await readFile(this.file('cgroup.procs'), 'utf8')).split('\n').filter((pid) => pid !== '');
  }

  private async sample(): Promise<void> {
    while (this.sampling) {
      const sizes = await Promise.all((await this.members()).map(proportionalSetSize));
      this.peak = Math.max(
        this.peak,
        sizes.reduce((sum, size) => sum + size, 0),
      );
      await sleep(sampleMs);
    }
  }
}
