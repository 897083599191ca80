import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { CliContext } from '../../src/cli/context.js';
import { createPaint } from '../../src/cli/views/format.js';
import { loadConfig } from '../../src/config.js';
import type { Progress } from '../../src/domain/progress.js';

const program = fileURLToPath(new URL('../../bin/tracewright.js', import.meta.url));

export interface CliRun {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  /** Without empty lines. */
  readonly errors: readonly string[];
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** User and group id to run as. Needs root. */
  readonly id?: number;
}

/** Runs the built command line as a user does, in the folders of one test alone. */
export async function cli(
  folder: string,
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliRun> {
  await mkdir(folder, { recursive: true });
  const { id } = options;
  const { exitCode, stdout, stderr } = await execa(process.execPath, [program, ...args], {
    reject: false,
    cwd: options.cwd ?? folder,
    env: cliEnvironment(folder, options.env),
    extendEnv: false,
    timeout: 60_000,
    ...(id !== undefined && { uid: id, gid: id }),
  });
  return { exitCode, stdout, errors: stderr.split('\n').filter((line) => line.trim() !== '') };
}

/** Starts it, for a test that ends or interrupts it itself. */
export function startCli(
  folder: string,
  args: readonly string[],
  env: CliOptions['env'] = {},
): { readonly child: ChildProcess; readonly output: () => string; readonly errors: () => string } {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: cliEnvironment(folder, env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { child, output: collect(child.stdout), errors: collect(child.stderr) };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

/** Nothing of the surroundings but PATH; state and cache below `folder`. */
export function cliEnvironment(
  folder: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Record<string, string | undefined> {
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    TRACEWRIGHT_STATE_DIR: `${folder}/state`,
    TRACEWRIGHT_CACHE_DIR: `${folder}/cache`,
    // Whatever engine runs here, `up` without a stack means the embedded one.
    DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    ...env,
  };
}

/** A context that keeps what is printed. */
export function recordingContext(): { context: CliContext; lines: string[] } {
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
  };
  const never = new AbortController().signal;
  const context: CliContext = {
    config: loadConfig({}),
    version: '0.0.0',
    print: keep,
    note: keep,
    paint: createPaint(false),
    terminal: undefined,
    columns: 100,
    signal: never,
    interrupted: never,
  };
  return { context, lines };
}

/** An environment of two steps, as far as a view looks at it. */
export function progressOf(changes: Partial<Progress> = {}): Progress {
  return {
    environment: 'demo',
    phase: 'Provisioning',
    stack: 'embedded',
    target: 'embedded',
    run: 1,
    startedAt: Date.now(),
    updatedAt: Date.now(),
    steps: [
      { name: 'cluster', kind: 'cluster', title: 'Kubernetes cluster', needs: [], state: 'running' },
      { name: 'tempo', kind: 'release', title: 'Grafana Tempo', needs: ['cluster'], state: 'pending' },
    ],
    ...changes,
  };
}
