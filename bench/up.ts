import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config.js';
import type { Progress, StepProgress } from '../src/domain/progress.js';
import { BenchCli } from './cli.js';
import { memoryOf } from './memory.js';
import { orchestrationOf } from './orchestration.js';

/**
 * The figures of the main job: `npm run bench:up` (warm: programs built, cluster gone), `npm run bench:up -- --cold`
 * (from an empty cache: downloads, builds, everything; about 10 minutes). One run, one table; nothing asserts on it.
 */
const cold = process.argv.includes('--cold');
const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-bench-'));
const cacheDir = cold ? await mkdtemp(join(tmpdir(), 'tracewright-bench-cache-')) : loadConfig().cacheDir;
const cli = new BenchCli(stateDir, cacheDir);

const rows: [figure: string, measured: string, goal: string][] = [];
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

try {
  if (cold) {
    rows.push(['cold: nothing → proof', seconds(await cli.time('up')), '900 s, aim 600 s']);
    rows.push(['  kept in the cache folder', megabytes(await folderSize(cacheDir)), '1000 MB']);
    await cli.time('down');
  }
  rows.push(['warm: built, no cluster → proof', seconds(await cli.time('up')), '60 s']);
  const first = await cli.progress();
  for (const step of first.steps) rows.push([`  ${step.name}`, seconds(took(step)), '']);
  const chain = criticalPath(first.steps);
  rows.push(['  slowest chain of steps', `${seconds(chain.ms)} (${chain.names.join(' → ')})`, '']);
  const pids = await Promise.all([
    pidOf('worker/worker.json'),
    pidOf('temporal/server.json'),
    clusterPid(first),
  ]);
  rows.push(['memory of everything (PSS)', megabytes(await memoryOf(pids)), '2500 MB']);
  const { steps, perStepMs } = await orchestrationOf(await serverAddress(), first.environment);
  rows.push([
    `orchestration, mean of ${String(steps)} steps`,
    `${perStepMs.toFixed(0)} ms a step`,
    '100 ms a step',
  ]);
  rows.push(['everything in place → fresh proof', seconds(await cli.time('up')), '10 s']);
  rows.push(['status', seconds(await cli.time('status')), '1 s']);
  rows.push(['down, everything gone', seconds(await cli.time('down')), '10 s (cluster)']);
} finally {
  await cli.time('down').catch(() => undefined);
  await rm(stateDir, { recursive: true, force: true });
  if (cold) await rm(cacheDir, { recursive: true, force: true });
}

console.log(
  `\n${String(cpus().length)} cores, ${megabytes(totalmem())} of memory, Node ${process.version}\n`,
);
const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
for (const row of [['figure', 'measured', 'goal'], ...rows]) {
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}

function took({ startedAt = 0, endedAt = 0 }: StepProgress): number {
  return endedAt - startedAt;
}

/** The chain of needs whose own times add up to most: no order of the same steps can be faster. */
function criticalPath(steps: readonly StepProgress[]): { ms: number; names: string[] } {
  const chains = new Map<string, { ms: number; names: string[] }>();
  for (const step of steps) {
    const needed = step.needs.map((need) => chains.get(need) ?? { ms: 0, names: [] });
    const longest = needed.reduce((a, b) => (b.ms > a.ms ? b : a), { ms: 0, names: [] });
    chains.set(step.name, { ms: longest.ms + took(step), names: [...longest.names, step.name] });
  }
  return [...chains.values()].reduce((a, b) => (b.ms > a.ms ? b : a));
}

async function readRecord(path: string): Promise<{ pid: number; data?: { port?: number } }> {
  return JSON.parse(await readFile(join(stateDir, path), 'utf8')) as {
    pid: number;
    data?: { port?: number };
  };
}

async function pidOf(path: string): Promise<number> {
  return (await readRecord(path)).pid;
}

async function serverAddress(): Promise<string> {
  return `127.0.0.1:${String((await readRecord('temporal/server.json')).data?.port)}`;
}

async function clusterPid({ environment }: Progress): Promise<number> {
  return Number(
    /\d+/u.exec(await readFile(join(stateDir, 'clusters', environment, 'node.pid'), 'utf8'))?.[0],
  );
}

async function folderSize(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
