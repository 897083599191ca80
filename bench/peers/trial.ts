import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmbeddedBuild } from '../../src/targets/embedded/build/store.js';
import { createEmbeddedTarget } from '../../src/targets/embedded/target.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { processorTimes } from '../processor.js';
import { seconds } from '../table.js';
import type { Contender } from './contenders.js';
import { Group, type Command } from './group.js';
import { leftoversOf } from './leftovers.js';
import { layOut, type Materials } from './materials.js';
import { firstTrace, operatorStarts } from './probe.js';

export interface Bench extends Omit<Materials, 'charts'> {
  readonly build: EmbeddedBuild;
  readonly cacheDir: string;
  /** Ends everything: whatever was started is ended and removed before the bench is. */
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** One start of a contender's command, from a ready cluster. All times in milliseconds from that start. */
export interface Start {
  /** Until the first trace was found; `undefined`: none was, although the command had ended. */
  readonly traceMs: number | undefined;
  readonly endMs: number;
  /** `null`: it had to be killed. */
  readonly exitCode: number | null;
  /** Processor time until both, of the contender's processes and of the whole machine. */
  readonly processorMs: number;
  readonly machineMs: number;
  /** Of the contender's processes together. */
  readonly peakBytes: number;
  /** What its output ended with. */
  readonly lastLine: string;
}

/** A command that was killed in the middle, and started again. */
export interface Recovery {
  /** From the first start to the kill, in milliseconds. */
  readonly killedMs: number;
  readonly again: Start;
  /** See `leftoversOf`. */
  readonly left: readonly string[];
}

/** For a command, and for a trace after the command has ended; in milliseconds. */
const [commandMs, traceMs] = [12 * 60_000, 30_000];

/** Installs on a fresh cluster, undisturbed. */
export function install(contender: Contender, bench: Bench): Promise<Start> {
  return onFreshCluster(contender, bench, (bed) => start(bed, bench));
}

/** Clusters until one contender is caught in the middle: some installs fail by themselves before. */
const maxClusters = 4;

/** Installs on a fresh cluster, is killed with all its processes while the operator starts, and is started again. */
export async function recover(contender: Contender, bench: Bench): Promise<Recovery> {
  for (let cluster = 1; cluster <= maxClusters; cluster += 1) {
    const recovery = await onFreshCluster(contender, bench, (bed) => killedAndStarted(contender, bed, bench));
    if (recovery) return recovery;
  }
  throw new Error(`${contender.title} ended before its middle on ${String(maxClusters)} clusters.`);
}

/** @returns undefined when it ended before its middle */
async function killedAndStarted({ title }: Contender, bed: Bed, bench: Bench): Promise<Recovery | undefined> {
  const began = performance.now();
  const ended = await inGroup(bench.signal, async (group) => {
    const stop = new AbortController();
    const signal = AbortSignal.any([bench.signal, stop.signal]);
    const middle = operatorStarts({ kube: bed.kube, signal }).then(() => undefined);
    const code = await Promise.race([middle, group.run(bed.command)]).finally(() => {
      stop.abort();
      // Nobody waits for the middle of what has ended.
      middle.catch(() => undefined);
    });
    await group.kill();
    return code;
  });
  if (ended !== undefined) {
    const why = await lastLine(bed.command.logFile);
    bench.say(`${title}: ended with ${String(ended)} before its middle (${why}); once more`);
    return undefined;
  }
  const killedMs = performance.now() - began;
  bench.say(`${title}: killed after ${seconds(killedMs)}, started again`);
  return { killedMs, again: await start(bed, bench), left: await leftoversOf(bed.kube) };
}

interface Bed {
  readonly kube: Kubernetes;
  readonly command: Command;
}

async function start({ kube, command }: Bed, { stack, signal }: Bench): Promise<Start> {
  return inGroup(signal, async (group) => {
    const machineBefore = processorTimes().worked;
    const began = performance.now();
    const giveUp = new AbortController();
    const found = firstTrace({
      kube,
      proof: stack.proof,
      signal: AbortSignal.any([signal, giveUp.signal]),
    }).then(
      (at) => at - began,
      (error: unknown) => {
        if (giveUp.signal.aborted) return undefined;
        throw error;
      },
    );
    const timers = [setTimeout(() => void group.kill(), commandMs)];
    const ended = group.run(command).then((exitCode) => {
      timers.push(
        setTimeout(() => {
          giveUp.abort();
        }, traceMs),
      );
      return { exitCode, endMs: performance.now() - began };
    });
    const [foundMs, { exitCode, endMs }] = await Promise.all([found, ended]).finally(() => {
      giveUp.abort();
      timers.forEach(clearTimeout);
    });
    return {
      traceMs: foundMs,
      endMs,
      exitCode,
      processorMs: await group.processorMs(),
      machineMs: processorTimes().worked - machineBefore,
      peakBytes: group.peakBytes,
      lastLine: await lastLine(command.logFile),
    };
  });
}

/** Whatever the work starts in the group is ended with it, daemons too. */
async function inGroup<T>(signal: AbortSignal, work: (group: Group) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const group = await Group.make(`tracewright-bench-${String(process.pid)}`);
  const onAbort = (): void => void group.kill();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(group);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await group.close();
  }
}

/** A ready cluster that has all images, and a folder with what the contender works with; both are gone afterwards. */
async function onFreshCluster<T>(
  contender: Contender,
  bench: Bench,
  work: (bed: Bed) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-peers-'));
  const { build, cacheDir, signal, say } = bench;
  const target = createEmbeddedTarget({
    name: 'peers',
    stateDir: join(folder, 'cluster'),
    build,
    readyTimeoutMs: 300_000,
  });
  try {
    say(`${contender.title}: a fresh cluster`);
    await mkdir(join(folder, 'cluster'), { mode: 0o700 });
    const { kubeconfigPath } = await target.create({ signal, onProgress: () => undefined });
    await layOut(folder, { ...bench, charts: build.charts });
    const kube = connectKubernetes({ kubeconfigPath });
    const env = {
      ...process.env,
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: join(folder, 'home'),
      KUBECONFIG: kubeconfigPath,
      NO_COLOR: '1',
      TRACEWRIGHT_STATE_DIR: join(folder, 'state'),
      TRACEWRIGHT_CACHE_DIR: cacheDir,
    };
    const command = {
      argv: contender.command(kubeconfigPath),
      cwd: folder,
      env,
      logFile: join(folder, 'output.log'),
    };
    say(`${contender.title}: ${command.argv.join(' ')}`);
    try {
      return await work({ kube, command });
    } finally {
      kube.close();
    }
  } finally {
    await target.delete();
    await rm(folder, { recursive: true, force: true });
  }
}

async function lastLine(logFile: string): Promise<string> {
  return (await readFile(logFile, 'utf8')).trim().split('\n').at(-1) ?? '';
}
