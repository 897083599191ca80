import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, WorkflowUpdateFailedError } from '@temporalio/client';
import { look, type Snapshot } from '../../src/cli/follow.js';
import { environmentWorkflowId } from '../../src/domain/names.js';
import { isPassingOutage } from '../../src/temporal/grpc-status.js';
import { isAlive, type ProcessIdentity } from '../../src/tools/process-identity.js';
import { clusterFolder, type ClusterFolder } from '../../src/targets/embedded/folder.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { sharedCacheDir } from '../support/cache.js';

const program = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));

/** Between two looks at something that is waited for; in milliseconds. */
const pollMs = 100;
/** For whatever must come at last, on a machine that is busy otherwise. */
const patienceMs = 300_000;

/** A command that runs, and what it has said so far. */
export interface Command {
  readonly child: ChildProcess;
  readonly said: () => string;
  /** The exit code; `null` when it was killed. */
  readonly exit: Promise<number | null>;
}

export interface BedOptions {
  /** The name of the environment. @default one that no other bed of this machine has, since commands find those, too */
  readonly environment?: string;
  /** @default a new folder, removed at the end */
  readonly stateDir?: string;
  /** @default the cache of the machine */
  readonly cacheDir?: string;
  /** Options of `up`. @default the embedded stack; the target is `embedded`, whatever else this machine can do */
  readonly up?: readonly string[];
  /** The cluster of others that the environment is installed in. @default one of its own */
  readonly cluster?: ClusterFolder;
  /** Added to the environment of commands, and of the worker, which inherits it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another network that commands, and with them server and worker, run in. @default that of this process */
  readonly network?: Network;
}

export interface Network {
  /** The words before a command that put it there. */
  readonly network: readonly string[];
  /** Makes a port of its 127.0.0.1 answer on that of this process. @returns its number there */
  readonly reach: (port: number) => Promise<number>;
}

/** One environment with a state folder, a Temporal server and a worker of its own, driven by the built command line. */
export class Bed {
  private connection: Connection | undefined;
  private kubernetes: Kubernetes | undefined;
  private follower: Command | undefined;
  private following: 'up' | 'down' = 'up';

  readonly stateDir: string;
  /** The name of the environment. */
  readonly environment: string;
  private readonly options: BedOptions;

  private constructor(stateDir: string, options: BedOptions) {
    this.stateDir = stateDir;
    this.environment = options.environment ?? `faults-${randomBytes(3).toString('hex')}`;
    this.options = options;
  }

  static async open(options: BedOptions = {}): Promise<Bed> {
    const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'tracewright-faults-')));
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    return new Bed(stateDir, options);
  }

  /** The cluster that the environment is in. */
  get cluster(): ClusterFolder {
    return this.options.cluster ?? this.ownCluster;
  }

  /** The one that it would have of its own. */
  get ownCluster(): ClusterFolder {
    return clusterFolder(this.stateDir, this.environment);
  }

  /** Starts a command as a user would. */
  start(command: string, ...args: string[]): Command {
    const words = [process.execPath, program, command, '--name', this.environment, ...args];
    const [first = '', ...others] = [...(this.options.network?.network ?? []), ...words];
    const child = spawn(first, others, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        TRACEWRIGHT_STATE_DIR: this.stateDir,
        TRACEWRIGHT_CACHE_DIR: this.options.cacheDir ?? sharedCacheDir,
        NO_COLOR: '1',
        ...this.options.env,
      },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const exit = once(child, 'close').then(([code]) => code as number | null);
    return { child, said: () => said, exit };
  }

  up(...more: string[]): Command {
    const { up = ['--stack', 'embedded'] } = this.options;
    const place = up.includes('--target') ? [] : ['--target', 'embedded'];
    return this.start('up', ...up, ...place, ...more);
  }

  /** Runs a command to its end. @throws Error with all that it said, unless it ends with 0 */
  async run(command: Command): Promise<void> {
    const code = await command.exit;
    if (code !== 0)
      throw new Error(
        `${command.child.spawnargs.slice(2).join(' ')} ended with ${String(code)}:\n${command.said()}`,
      );
  }

  /** Makes sure that an `up`, or after `tearDown` a `down`, follows the environment and heals what was killed. */
  follow(): Command {
    const ended = this.follower && (this.follower.child.exitCode ?? this.follower.child.signalCode) !== null;
    if (!this.follower || ended) this.follower = this.following === 'up' ? this.up() : this.start('down');
    return this.follower;
  }

  /** Asks for the teardown and follows it. */
  async tearDown(): Promise<Command> {
    await this.leave();
    this.following = 'down';
    return this.follow();
  }

  /** Kills the command that follows, as a closed terminal would not: without a word. */
  async leave(): Promise<void> {
    this.follower?.child.kill('SIGKILL');
    await this.follower?.exit;
  }

  /** The worker or the embedded server, by the record that Tracewright keeps of it. */
  async daemon(name: 'worker' | 'server'): Promise<ProcessIdentity> {
    const folder = name === 'worker' ? 'worker' : 'temporal';
    return JSON.parse(await readFile(join(this.stateDir, folder, `${name}.json`), 'utf8')) as ProcessIdentity;
  }

  /** The environment at this moment; `undefined` while the server or the worker does not answer. */
  async look(): Promise<Snapshot | undefined> {
    try {
      this.connection ??= await Connection.connect({ address: await this.address(), connectTimeout: 2_000 });
      const client = new Client({ connection: this.connection });
      return await client.withDeadline(Date.now() + 2_000, () => look(client, this.environment));
    } catch {
      await this.connection?.close().catch(() => undefined);
      this.connection = undefined;
      return undefined;
    }
  }

  async client(): Promise<Client> {
    await this.until('an answer of the environment', async () => (await this.look()) !== undefined);
    return new Client({ connection: this.connection as Connection });
  }

  /** The cluster; `undefined` where there is none yet. */
  kube(): Kubernetes | undefined {
    try {
      return (this.kubernetes ??= connectKubernetes({ kubeconfigPath: this.cluster.kubeconfig }));
    } catch {
      return undefined;
    }
  }

  /**
   * Pauses or resumes the environment; one that is so already stays as it is. Asked again of a server that just comes.
   */
  async decide(update: 'pause' | 'resume'): Promise<void> {
    await this.until(`an answer to ${update}`, async () => {
      const handle = (await this.client()).workflow.getHandle(environmentWorkflowId(this.environment));
      try {
        await handle.executeUpdate(update);
      } catch (error) {
        if (isPassingOutage(error)) return false;
        if (!(error instanceof WorkflowUpdateFailedError)) throw error;
      }
      return true;
    });
  }

  /** Waits for something. @returns after how many milliseconds it came; throws when it does not come */
  async until(what: string, came: () => Promise<boolean>, everyMs = pollMs): Promise<number> {
    const started = performance.now();
    while (!(await came())) {
      const waited = performance.now() - started;
      if (waited > patienceMs) throw new Error(`waited ${String(Math.round(waited / 1_000))} s for ${what}`);
      await sleep(everyMs);
    }
    return performance.now() - started;
  }

  /** Ends a process, and waits until it is gone. @returns false when it had ended by itself */
  async kill(identity: ProcessIdentity, signal: NodeJS.Signals = 'SIGKILL'): Promise<boolean> {
    if (!sendSignal(identity, signal)) return false;
    await this.until(
      `the end of process ${String(identity.pid)}`,
      async () => !(await isAlive(identity)),
      10,
    );
    return true;
  }

  /** Takes the environment away. */
  async down(): Promise<void> {
    await this.leave();
    this.disconnect();
    await this.run(this.start('down'));
  }

  async close(): Promise<void> {
    await this.leave();
    this.disconnect();
    await this.start('down').exit;
    if (this.options.stateDir === undefined) await rm(this.stateDir, { recursive: true, force: true });
  }

  private disconnect(): void {
    this.kubernetes?.close();
    this.kubernetes = undefined;
    void this.connection?.close().catch(() => undefined);
    this.connection = undefined;
  }

  private async address(): Promise<string> {
    const external = this.options.env?.['TEMPORAL_ADDRESS'];
    if (external !== undefined) return external;
    const path = join(this.stateDir, 'temporal', 'server.json');
    const { data } = JSON.parse(await readFile(path, 'utf8')) as { data: { port: number } };
    const port = (await this.options.network?.reach(data.port)) ?? data.port;
    return `127.0.0.1:${String(port)}`;
  }
}

/** @returns false when there is no such process any more */
export function sendSignal({ pid }: ProcessIdentity, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
