import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config.js';
import { tookOf } from '../src/domain/critical-steps.js';
import { withCli, type BenchCli } from './cli.js';
import { criticalPath } from './critical-path.js';
import { memoryOf } from './memory.js';
import { orchestrationOf } from './orchestration.js';
import { processorRows, watchProcessors } from './processor.js';
import { median, megabytes, printTable, seconds, type Row } from './table.js';

/**
 * The figures of the main job: `npm run bench:up` (warm: programs built, cluster gone), `-- --rounds 5` for medians of
 * five, `-- --cold` from an empty cache first: downloads, builds, everything, and where the processors idle meanwhile;
 * five to ten minutes. One run, one table; nothing asserts on it.
 */
const { values } = parseArgs({
  options: { cold: { type: 'boolean', default: false }, rounds: { type: 'string', default: '1' } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number from 1 on.');

/** What one round has measured, in milliseconds or bytes. */
interface Figure {
  readonly figure: string;
  readonly value: number;
  /** @default seconds */
  readonly text?: (value: number) => string;
  readonly goal?: string;
}

const cacheDir = values.cold
  ? await mkdtemp(join(tmpdir(), 'tracewright-bench-cache-'))
  : loadConfig().cacheDir;
try {
  printTable(await withCli({ cacheDir }, measured));
} finally {
  if (values.cold) await rm(cacheDir, { recursive: true, force: true });
}

async function measured(cli: BenchCli): Promise<Row[]> {
  const cold = values.cold ? await coldRows(cli) : [];
  const all: Figure[][] = [];
  for (let round = 0; round < rounds; round += 1) all.push(await warmRound(cli));
  const [first = []] = all;
  return [
    ...cold,
    ...first.map(({ figure, text = seconds, goal = '' }): Row => {
      const values = all.flatMap((round) => round.filter((it) => it.figure === figure));
      return [figure, text(median(values.map(({ value }) => value))), goal];
    }),
    [rounds === 1 ? 'one round' : `medians of ${String(rounds)} rounds`, '', ''],
  ];
}

async function coldRows(cli: BenchCli): Promise<Row[]> {
  let doing = '';
  const endOfWatch = watchProcessors(() => doing);
  const coldMs = await cli.follow((line) => {
    doing = /^[^…]*… (.*)$/u.exec(line)?.[1]?.replace(/ {2,}/gu, ' ') ?? doing;
  }, 'up');
  const samples = endOfWatch();
  const kept = await folderSize(cacheDir);
  await cli.time('down');
  return [
    ['cold: nothing → proof', seconds(coldMs), '360 s'],
    ...processorRows(samples),
    ['  kept in the cache folder', megabytes(kept), '1000 MB'],
  ];
}

async function warmRound(cli: BenchCli): Promise<Figure[]> {
  const warmMs = await cli.time('up');
  const progress = await cli.progress();
  const chain = criticalPath(progress.steps);
  console.log(`The slowest chain of steps: ${chain.names.join(' → ')}`);
  const [worker, server, node] = await Promise.all([
    daemon(cli, 'worker/worker.json'),
    daemon(cli, 'temporal/server.json'),
    nodePid(cli, progress.environment),
  ]);
  const memory = await memoryOf([worker.pid, server.pid, node]);
  const address = `127.0.0.1:${String(server.data?.port)}`;
  const perStepMs = await orchestrationOf(address, progress.environment);
  return [
    { figure: 'warm: built, no cluster → proof', value: warmMs, goal: '30 s' },
    ...progress.steps.map((step) => ({
      figure: `  ${step.name}`,
      value: tookOf(step, Date.now()) ?? 0,
    })),
    { figure: '  slowest chain of steps', value: chain.ms },
    { figure: 'memory of everything (PSS)', value: memory, text: megabytes, goal: '1000 MB' },
    { figure: 'orchestration, mean a step', value: perStepMs, goal: '100 ms', text: milliseconds },
    { figure: 'everything in place → fresh proof', value: await cli.time('up'), goal: '4 s' },
    { figure: 'status', value: await cli.time('status'), goal: '0.4 s' },
    { figure: 'down, everything gone', value: await cli.time('down'), goal: '10 s' },
  ];
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}

/** Of the Temporal server, or of the worker. */
async function daemon(cli: BenchCli, path: string): Promise<{ pid: number; data?: { port?: number } }> {
  return JSON.parse(await readFile(join(cli.stateDir, path), 'utf8')) as {
    pid: number;
    data?: { port?: number };
  };
}

/** Of a cluster's first process. */
async function nodePid({ stateDir }: BenchCli, environment: string): Promise<number> {
  return Number(
    /\d+/u.exec(await readFile(join(stateDir, 'clusters', environment, 'node.pid'), 'utf8'))?.[0],
  );
}

/** In bytes. A file with several names counts once: the five programs of Kubernetes are one. */
async function folderSize(folder: string): Promise<number> {
  const sizes = new Map<number, number>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, size } = await stat(join(entry.parentPath, entry.name));
    sizes.set(ino, size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
