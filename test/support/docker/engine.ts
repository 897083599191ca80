import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, type RunOptions, type RunResult } from '../../../src/tools/process.js';
import { openBox, removeGroups, type Box } from './box.js';
import { openDoor, type Door } from './door.js';
import { dockerPrograms, type DockerPrograms } from './package.js';
import { writeRuntime } from './runtime.js';

export interface EngineOptions {
  /** The size of its disk, in bytes. @default the disk of the machine */
  readonly disk?: number;
}

/** How long it may take to start or to end, on a machine that is busy otherwise; in milliseconds. */
const [patienceMs, pollMs] = [120_000, 50];

/**
 * A Docker engine of a test's own: a real dockerd with containerd and runc, in namespaces of its own. Nothing of the
 * host's network, mounts, services or files is touched; a port that a container publishes on 127.0.0.1 is published in
 * the box, where only commands run with `network` reach it.
 */
export class DockerEngine {
  /** Holds its socket, its log and all that it stores. */
  readonly folder: string;
  private readonly box: Box;
  private readonly programs: DockerPrograms;
  private readonly runtime: string;
  private readonly group: string;
  private daemon: ChildProcess | undefined;
  private door: Promise<Door> | undefined;

  private constructor(folder: string, box: Box, programs: DockerPrograms, runtime: string) {
    this.folder = folder;
    this.box = box;
    this.programs = programs;
    this.runtime = runtime;
    this.group = basename(folder);
  }

  /** Starts one. Whoever opened it closes it, also when a test fails. */
  static async open({ disk }: EngineOptions = {}): Promise<DockerEngine> {
    const programs = await dockerPrograms();
    const folder = await mkdtemp(join(tmpdir(), 'docker-test-'));
    const box = await openBox();
    const engine = new DockerEngine(folder, box, programs, await writeRuntime(folder, programs.runc));
    try {
      await mkdir(join(folder, 'data'));
      if (disk !== undefined)
        await engine.inBox('mount', '-t', 'tmpfs', '-o', `size=${disk}`, 'tmpfs', join(folder, 'data'));
      await engine.start();
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  get socket(): string {
    return join(this.folder, 'docker.sock');
  }

  /**
   * For whoever speaks to it: DOCKER_HOST, a PATH with a `docker`, and a DOCKER_CONFIG of its own, so that no setting
   * of the user's counts.
   */
  get variables(): Readonly<Record<'DOCKER_HOST' | 'DOCKER_CONFIG' | 'PATH', string>> {
    return {
      DOCKER_HOST: `unix://${this.socket}`,
      DOCKER_CONFIG: join(this.folder, 'config'),
      PATH: this.programs.path,
    };
  }

  /** The words before a command of the host's that put it where published ports listen. */
  get network(): readonly string[] {
    return this.box.network;
  }

  /** Runs `docker`. @returns what it prints @throws TracewrightError `tool.failed` */
  async docker(...args: string[]): Promise<string> {
    return (await this.run('docker', args)).stdout.trim();
  }

  /** Runs a program of the host's where published ports listen, with this engine's variables. */
  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [nsenter = '', ...words] = this.box.network;
    return run(nsenter, [...words, '--', program, ...args], {
      ...options,
      env: { ...this.variables, ...options.env },
    });
  }

  /**
   * Makes a port of the box answer on this machine's 127.0.0.1 until the engine is closed: for a test that speaks to
   * what a command has started in the box.
   * @param at its number there @default any that is free
   * @returns that number
   */
  async reach(port: number, at = 0): Promise<number> {
    this.door ??= openDoor(this.box.network, join(this.folder, 'door.sock'));
    return (await this.door).reach(port, at);
  }

  /** Runs a program among the engine's own processes and mounts. */
  async inBox(program: string, ...args: string[]): Promise<string> {
    const [nsenter = '', ...words] = this.box.whole;
    return (await run(nsenter, [...words, '--', program, ...args])).stdout;
  }

  /** Starts the engine, again after `kill` or `stop`, and waits until it answers. */
  async start(): Promise<void> {
    const log = openSync(this.log, 'a');
    const [nsenter = '', ...words] = this.box.whole;
    const { dockerd, path } = this.programs;
    this.daemon = spawn(nsenter, [...words, '--', dockerd, ...this.args()], {
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH: path },
    });
    closeSync(log);
    const deadline = Date.now() + patienceMs;
    while (!(await this.answers())) {
      if (this.daemon.exitCode !== null || Date.now() > deadline)
        throw new Error(`dockerd does not start:\n${(await this.lastWords()).join('\n')}`);
      await sleep(pollMs);
    }
  }

  /** As a killed engine ends: without a word, and with its containers still there. */
  async kill(): Promise<void> {
    await this.end('KILL');
  }

  /** As `systemctl stop docker` does: its containers end. */
  async stop(): Promise<void> {
    await this.end('TERM');
  }

  /** Everything that it has: `container NAME`, `network NAME`, `volume NAME`, and each mount and process in the box. */
  async contents(): Promise<ReadonlySet<string>> {
    const list = async (kind: string, ...args: string[]) =>
      (await this.docker(...args)).split('\n').flatMap((name) => (name === '' ? [] : `${kind} ${name}`));
    const [containers, networks, volumes, mounts, processes] = await Promise.all([
      list('container', 'ps', '--all', '--no-trunc', '--format', '{{.Names}}'),
      list('network', 'network', 'ls', '--format', '{{.Name}}'),
      list('volume', 'volume', 'ls', '--format', '{{.Name}}'),
      this.inBox('cat', '/proc/self/mountinfo'),
      this.inBox('ps', '-e', '-o', 'comm='),
    ]);
    const places = mounts.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
    const running = processes.split('\n').filter((name) => /^(?:containerd-shim|docker-proxy)/u.test(name));
    return new Set([
      ...[...containers, ...networks, ...volumes],
      ...places.filter((path) => path.startsWith(this.folder)).map((path) => `mount ${path}`),
      // Their numbers count up, so that two snapshots tell how many there are.
      ...running.sort().map((name, index) => `process ${index} ${name}`),
    ]);
  }

  /** Ends it with everything in it, and leaves nothing behind. */
  async close(): Promise<void> {
    (await this.door)?.close();
    await this.box.close();
    await removeGroups(this.group);
    await rm(this.folder, { recursive: true, force: true });
  }

  private args(): string[] {
    const at = (name: string): string => join(this.folder, name);
    return [
      ...['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')],
      ...['--host', `unix://${this.socket}`, '--cgroup-parent', `/${this.group}`],
      ...['--add-runtime', `stripped=${this.runtime}`, '--default-runtime', 'stripped'],
    ];
  }

  private get log(): string {
    return join(this.folder, 'dockerd.log');
  }

  private async lastWords(): Promise<string[]> {
    return (await readFile(this.log, 'utf8').catch(() => '')).trim().split('\n').slice(-10);
  }

  private async end(signal: 'KILL' | 'TERM'): Promise<void> {
    const { daemon } = this;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const pid = (await readFile(join(this.folder, 'pid'), 'utf8')).trim();
    await Promise.all([once(daemon, 'exit'), this.inBox('kill', `-${signal}`, pid)]);
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const asked = request({ socketPath: this.socket, path: '/_ping', timeout: 5_000 }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      });
      asked.on('timeout', () => asked.destroy(new Error('too late')));
      asked.on('error', () => {
        resolve(false);
      });
      asked.end();
    });
  }
}
