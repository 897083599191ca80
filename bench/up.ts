import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../src/config.js';
import { tookOf } from '../src/domain/critical-steps.js';
import type { Progress } from '../src/domain/progress.js';
import { BenchCli } from './cli.js';
import { criticalPath } from './critical-path.js';
import { memoryOf } from './memory.js';
import { orchestrationOf } from './orchestration.js';
import { megabytes, printTable, seconds, type Row } from './table.js';

/**
 * The figures of the main job: `npm run bench:up` (warm: programs built, cluster gone), `npm run bench:up -- --cold`
 * (from an empty cache: downloads, builds, everything; about 10 minutes). One run, one table; nothing asserts on it.
 */
const cold = process.argv.includes('--cold');
const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-bench-'));
const cacheDir = cold ? await mkdtemp(join(tmpdir(), 'tracewright-bench-cache-')) : loadConfig().cacheDir;
const cli = new BenchCli(stateDir, cacheDir);

const rows: Row[] = [];

try {
  if (cold) {
    rows.push(['cold: nothing → proof', seconds(await cli.time('up')), '900 s, aim 600 s']);
    rows.push(['  kept in the cache folder', megabytes(await folderSize(cacheDir)), '1000 MB']);
    await cli.time('down');
  }
  rows.push(['warm: built, no cluster → proof', seconds(await cli.time('up')), '60 s']);
  const first = await cli.progress();
  for (const step of first.steps) rows.push([`  ${step.name}`, seconds(tookOf(step, Date.now()) ?? 0), '']);
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

printTable(rows);

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
