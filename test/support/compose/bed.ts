import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import type { CliResult } from '../../e2e/cli.js';
import { until } from '../../proof/support/stack-breaker.js';
import { sharedCacheDir } from '../cache.js';
import type { RunResult } from '../../../src/tools/process.js';
import type { DockerEngine } from '../docker/engine.js';
import { copyProject, loadWorkerImage } from '../docker/worker-image.js';
import { developmentServer, loadDebian, loadDevelopmentServer } from './images.js';
import { composeProgram } from './programs.js';
import { loadServerImages, postgresVersion } from './server-images.js';

const checkout = resolve(import.meta.dirname, '../../..');
const cli = join(checkout, 'bin/tracewright.js');

/** The compose file of this checkout, as it stands, on a real engine. */
export class ComposeBed {
  readonly engine: DockerEngine;
  /** The project: a copy of what the checkout has, with an `.env`. */
  readonly folder: string;
  private readonly program: string;

  private constructor(engine: DockerEngine, folder: string, program: string) {
    [this.engine, this.folder, this.program] = [engine, folder, program];
  }

  /**
   * The worker alone: its image built by Compose from deploy/Dockerfile. In the place of server and database stands the
   * development server of Temporal's CLI, a stand-in.
   */
  static withWorker(engine: DockerEngine): Promise<ComposeBed> {
    return ComposeBed.open(engine, async () => {
      await loadDebian(engine);
      await loadDevelopmentServer(engine);
    });
  }

  /** All services, with images of the names that the file has. @param more versions of the server than the file's */
  static withServer(engine: DockerEngine, ...more: readonly string[]): Promise<ComposeBed> {
    return ComposeBed.open(engine, async (bed) => {
      const temporal = [await bed.defaultOf('TEMPORAL_VERSION'), ...more];
      await loadServerImages(engine, { temporal, ui: await bed.defaultOf('TEMPORAL_UI_VERSION') });
    });
  }

  private static async open(
    engine: DockerEngine,
    load: (bed: ComposeBed) => Promise<void>,
  ): Promise<ComposeBed> {
    const folder = await mkdtemp(join(tmpdir(), 'tracewright-compose-'));
    const bed = new ComposeBed(engine, folder, await composeProgram());
    try {
      await copyProject(folder);
      await bed.configure({});
      await mkdir(join(folder, 'deploy/kubeconfig'), { recursive: true });
      await bed.plugIn();
      await load(bed);
      await loadWorkerImage(engine);
      return bed;
    } catch (error) {
      await bed.close();
      throw error;
    }
  }

  /** What the file takes for a variable that is not set. */
  async defaultOf(variable: string): Promise<string> {
    const text = await readFile(join(this.folder, 'docker-compose.yml'), 'utf8');
    const [, value] = new RegExp(`\\$\\{${variable}:-([^}]+)\\}`, 'u').exec(text) ?? [];
    if (value === undefined) throw new Error(`The compose file has no default for ${variable}.`);
    return value;
  }

  /** Writes `.env`. */
  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    const all = { POSTGRES_PASSWORD: 'planted-in-a-test', POSTGRES_VERSION: postgresVersion, ...settings };
    const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(join(this.folder, '.env'), lines.join(''), { mode: 0o600 });
  }

  /** Runs a block of commands, such as one of the docs, in the project. @throws TracewrightError `tool.failed` */
  async shell(commands: string): Promise<void> {
    await this.engine.run('sh', ['-euc', commands], { cwd: this.folder });
  }

  /** Starts the worker, which has no server yet, and then the stand-in; returns once the worker's health check is content. */
  async startWorker(): Promise<void> {
    await this.compose(['up', '--detach', '--no-deps', 'worker']);
    await this.engine.docker(
      ...['run', '--detach', '--name', 'server', '--restart', 'unless-stopped'],
      ...['--network', 'tracewright_temporal', '--publish', '127.0.0.1:7233:7233'],
      ...[developmentServer, 'server', 'start-dev', '--headless', '--ip', '0.0.0.0'],
    );
    const worker = (await this.compose(['ps', '--all', '--quiet', 'worker'])).stdout.trim();
    await until('the worker is healthy', async () => {
      const health = await this.engine.docker('inspect', '--format', '{{.State.Health.Status}}', worker);
      return health === 'healthy';
    });
  }

  /** Runs `docker compose`. @throws TracewrightError `tool.failed` */
  compose(args: readonly string[]): Promise<RunResult> {
    return this.engine.run(this.program, args, { cwd: this.folder });
  }

  /** Runs the built command line where the server is published. */
  async tracewright(...args: string[]): Promise<CliResult> {
    const [nsenter = '', ...words] = this.engine.network;
    const { exitCode, stdout, stderr } = await execa(
      nsenter,
      [...words, '--', process.execPath, cli, ...args],
      {
        reject: false,
        env: {
          TRACEWRIGHT_STATE_DIR: join(this.folder, 'state'),
          TRACEWRIGHT_CACHE_DIR: sharedCacheDir,
          TEMPORAL_ADDRESS: '127.0.0.1:7233',
          DOCKER_HOST: 'unix:///nonexistent/docker.sock',
          NO_COLOR: '1',
        },
      },
    );
    return { exitCode, stdout, stderr };
  }

  /** Kills the first process of a service, as a crash or the killer of a full memory would: the engine starts it again. */
  async crash(service: string): Promise<void> {
    const { stdout } = await this.compose(['ps', '--quiet', service]);
    const pid = await this.engine.docker('inspect', '--format', '{{.State.Pid}}', stdout.trim());
    await this.engine.inBox('kill', '-KILL', pid);
  }

  /** When the container of a service was started last; ISO 8601. */
  async startOf(service: string): Promise<string> {
    const { stdout } = await this.compose(['ps', '--all', '--quiet', service]);
    return this.engine.docker('inspect', '--format', '{{.State.StartedAt}}', stdout.trim());
  }

  /** One as on another machine: with a state folder of its own. */
  async startSecondWorker(): Promise<void> {
    await this.engine.docker(
      ...[
        'run',
        '--detach',
        '--name',
        'second',
        '--network',
        'tracewright_temporal',
        '--init',
        '--read-only',
      ],
      ...['--tmpfs', '/tmp', '--volume', `${join(this.folder, 'deploy/kubeconfig')}:/kubeconfig:ro`],
      ...['--volume', 'second-state:/var/lib/tracewright', '--env', 'TEMPORAL_ADDRESS=server:7233'],
      ...['--env', 'KUBECONFIG=/kubeconfig/config', 'tracewright-worker:0.1.0'],
    );
  }

  /** As a machine that is lost. */
  async removeSecondWorker(): Promise<void> {
    await this.engine.docker('rm', '--force', '--volumes', 'second');
    await this.engine.docker('volume', 'rm', '--force', 'second-state');
  }

  /** Takes the project away, with its volumes. */
  async close(): Promise<void> {
    await this.removeSecondWorker().catch(() => undefined);
    await this.engine.docker('rm', '--force', '--volumes', 'server').catch(() => undefined);
    await this.compose(['down', '--volumes', '--remove-orphans']).catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** So that `docker compose` is this Compose. */
  private async plugIn(): Promise<void> {
    const plugins = join(this.engine.variables.DOCKER_CONFIG, 'cli-plugins');
    await mkdir(plugins, { recursive: true });
    await symlink(this.program, join(plugins, 'docker-compose'));
  }
}
