import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findEmbeddedBuild } from '../../../src/targets/embedded/build/store.js';
import { freePorts } from '../../support/api-server.js';
import { sharedCacheDir } from '../../support/cache.js';
import { unpackProgram } from './image-program.js';

const refs = {
  tempo: 'tracewright/trace-store:',
  collector: 'otel/opentelemetry-collector-contrib:',
  hotrod: 'jaegertracing/example-hotrod:',
} as const;
type ProgramName = keyof typeof refs;

/** The images of the embedded build, or a folder of them where that is given; undefined where there is none. */
const tars = await findTars();

async function findTars(): Promise<Record<ProgramName, string> | undefined> {
  const folder = process.env.TRACEWRIGHT_TEST_IMAGES;
  if (folder !== undefined) {
    const at = (name: string): string => join(folder, `${name}.tar`);
    return {
      tempo: at('trace-store'),
      collector: at('opentelemetry-collector-contrib'),
      hotrod: at('hotrod'),
    };
  }
  const sourceDir = fileURLToPath(new URL('../../../embedded', import.meta.url));
  const build = await findEmbeddedBuild({ sourceDir, cacheDir: sharedCacheDir });
  const tarOf = (name: ProgramName): string =>
    build?.images.find(({ ref }) => ref.startsWith(refs[name]))?.tar ?? '';
  return build && { tempo: tarOf('tempo'), collector: tarOf('collector'), hotrod: tarOf('hotrod') };
}

/**
 * Why the programs cannot be run here; undefined when they can. For `describe.skipIf`, with the reason in its title.
 */
export const missingPrograms: string | undefined =
  tars && Object.values(tars).every((tar) => existsSync(tar))
    ? undefined
    : 'no trace store, collector and HotROD: run the embedded build, or set TRACEWRIGHT_TEST_IMAGES to the folder of its images';

/** A program that runs as a plain process of this machine. */
export interface Running {
  hasEnded(): boolean;
  log(): Promise<string>;
  /** SIGKILL: as a crash would. */
  stop(): Promise<void>;
}

export interface TempoProcess extends Running {
  readonly httpPort: number;
  readonly otlpPort: number;
}

export interface CollectorProcess extends Running {
  readonly otlpHttpPort: number;
  /** Thrift over HTTP, as HotROD speaks it. */
  readonly jaegerPort: number;
}

export interface HotrodProcess extends Running {
  readonly port: number;
}

/** The real programs, out of the images that the embedded cluster runs. */
export class Programs {
  private readonly running: Running[] = [];
  private readonly commands = new Map<ProgramName, Promise<readonly string[]>>();
  private readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Programs> {
    return new Programs(await mkdtemp(join(tmpdir(), 'tracewright-proof-')));
  }

  /** Stops all and removes their folder. */
  async close(): Promise<void> {
    await Promise.all(this.running.map((it) => it.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }

  /** The trace store of the embedded stack, which answers as Tempo. */
  async tempo(): Promise<TempoProcess> {
    const [httpPort, otlpPort] = (await freePorts(2)) as [number, number];
    const file = join(this.folder, `tempo-${String(httpPort)}.yaml`);
    const process = await this.start('tempo', httpPort, [`--config=${file}`], {
      file,
      text: `
extensions: { api: { endpoint: '127.0.0.1:${String(httpPort)}' } }
receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:${String(otlpPort)}' } } } }
exporters: { memory: {} }
service:
  telemetry: { metrics: { level: none } }
  extensions: [api]
  pipelines: { traces: { receivers: [otlp], exporters: [memory] } }
`,
    });
    await answers(`http://127.0.0.1:${String(httpPort)}/ready`, process);
    return { ...process, httpPort, otlpPort };
  }

  /** @param exporters which of them the pipeline has. @default both, as the tutorial */
  async collector(
    tempoOtlpPort: number,
    exporters: readonly ('logging' | 'otlp')[] = ['logging', 'otlp'],
  ): Promise<CollectorProcess> {
    const [grpcPort, otlpHttpPort, jaegerPort] = (await freePorts(3)) as [number, number, number];
    const file = join(this.folder, `collector-${String(otlpHttpPort)}.yaml`);
    const process = await this.start('collector', otlpHttpPort, [`--config=${file}`], {
      file,
      text: `
receivers:
  otlp: { protocols: { grpc: { endpoint: '127.0.0.1:${String(grpcPort)}' }, http: { endpoint: '127.0.0.1:${String(otlpHttpPort)}' } } }
  jaeger: { protocols: { thrift_http: { endpoint: '127.0.0.1:${String(jaegerPort)}' } } }
exporters:
  otlp: { endpoint: '127.0.0.1:${String(tempoOtlpPort)}', tls: { insecure: true } }
  logging: { loglevel: debug }
service:
  telemetry: { metrics: { level: none } }
  pipelines: { traces: { receivers: [otlp, jaeger], processors: [], exporters: [${exporters.join(', ')}] } }
`,
    });
    await answers(`http://127.0.0.1:${String(otlpHttpPort)}/v1/traces`, process);
    return { ...process, otlpHttpPort, jaegerPort };
  }

  /** HotROD sends its spans where the tutorial's variable says, in batches every 5 s. */
  async hotrod(jaegerPort: number): Promise<HotrodProcess> {
    const [port, customer, driver, route] = (await freePorts(4)) as [number, number, number, number];
    const ports = ['-f', port, '-c', customer, '-d', driver, '-r', route].map(String);
    const environment = {
      OTEL_EXPORTER_JAEGER_ENDPOINT: `http://127.0.0.1:${String(jaegerPort)}/api/traces`,
    };
    const process = await this.start('hotrod', port, ['all', ...ports], undefined, environment);
    await answers(`http://127.0.0.1:${String(port)}/`, process);
    return { ...process, port };
  }

  private async start(
    name: ProgramName,
    id: number,
    args: readonly string[],
    config?: { file: string; text: string },
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Running> {
    if (config) await writeFile(config.file, config.text);
    const [program = '', ...first] = await this.command(name);
    const logFile = join(this.folder, `${name}-${String(id)}.log`);
    const log = await open(logFile, 'w');
    const child = spawn(program, [...first, ...args], {
      stdio: ['ignore', log.fd, log.fd],
      env: environment,
      cwd: this.folder,
    });
    child.once('error', () => undefined);
    await log.close();
    const running = {
      hasEnded: () => child.exitCode !== null || child.signalCode !== null,
      log: () => readFile(logFile, 'utf8'),
      stop: () => kill(child),
    };
    this.running.push(running);
    return running;
  }

  private command(name: ProgramName): Promise<readonly string[]> {
    const known = this.commands.get(name) ?? unpackProgram(tars?.[name] ?? '', join(this.folder, name));
    this.commands.set(name, known);
    return known;
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Waits until something answers that is not an error of a server that still starts. */
async function answers(url: string, program: Running): Promise<void> {
  const deadline = Date.now() + 45_000;
  while (Date.now() < deadline && !program.hasEnded()) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer && answer.status < 500) return;
    await sleep(50);
  }
  throw new Error(`${url} does not answer:\n${(await program.log()).split('\n').slice(-8).join('\n')}`);
}
