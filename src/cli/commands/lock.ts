import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import type { Stack } from '../../domain/stack.js';
import { loadStack } from '../../stack-file.js';
import { compareLocks, type LockDifference } from '../../lock/compare-locks.js';
import { lockPathOf, readLock, writeLock, type Lock } from '../../lock/lock-file.js';
import { makeLock } from '../../lock/make-lock.js';
import { provideHelm } from '../../tools/helm-binary.js';
import { createHelm } from '../../tools/helm/helm.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { registryOf, withChartsFrom, type SourceOptions } from '../stack-sources.js';
import { builtInStacks } from '../built-in-stacks.js';

export interface LockCommandOptions extends SourceOptions {
  stack: string;
  check?: boolean;
}

/**
 * Writes the digests of a stack's charts and images beside it, or checks that they are still the same.
 * @throws TracewrightError `lock.mismatch` with both digests, `usage.invalid`, and what `makeLock` throws
 */
export async function lock(context: CliContext, options: LockCommandOptions): Promise<ExitCode> {
  const loaded = await loadStack(options.stack, { builtInDir: builtInStacks });
  if (isBuiltHere(loaded.stack)) throw nothingToLock(loaded.stack.name);
  const path = lockPathOf(loaded.path);
  const before = await readLock(path);
  if (options.check && !before) throw noLock(path);
  const stack = await withChartsFrom(loaded.stack, options.chartsFrom);
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-lock-'));
  try {
    const { path: binary } = await provideHelm({ ...context.config, onProgress: context.note });
    const after = await makeLock(loaded.stack, stack, {
      helm: createHelm({ binary, homeDir: join(folder, 'helm'), kubeconfigPath: join(folder, 'none') }),
      cacheDir: folder,
      imagesFrom: options.imagesFrom && registryOf(options.imagesFrom).registry,
      onProgress: context.note,
      signal: context.signal,
    });
    return await finish(context, path, { before, after, check: options.check ?? false });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function finish(
  { print }: CliContext,
  path: string,
  { before, after, check }: { before: Lock | undefined; after: Lock; check: boolean },
): Promise<ExitCode> {
  const differences = before ? compareLocks(before, after) : [];
  if (check && differences.length > 0) throw mismatch(path, differences);
  if (!check) await writeLock(path, after);
  for (const difference of differences) print(inWords(difference));
  const count = `${String(Object.keys(after.charts).length)} charts and ${String(Object.keys(after.images).length)} images`;
  print(check ? `${path}: ${count} are as locked` : `${path}: ${count}`);
  return exitCodes.ok;
}

function inWords({ what, before, after }: LockDifference): string {
  return `${what}: locked ${before ?? 'not at all'}, found ${after ?? 'no more'}`;
}

function mismatch(path: string, differences: readonly LockDifference[]): TracewrightError {
  return new TracewrightError({
    type: 'lock.mismatch',
    message: [`Not as ${path} has it:`, ...differences.map(inWords)].join('\n'),
    remedy: 'Find out why it changed: nobody should publish a version twice. To take it: `tracewright lock`.',
  });
}

function noLock(path: string): TracewrightError {
  return new TracewrightError({
    type: 'lock.invalid',
    message: `There is no lock file ${path} to check.`,
    remedy: 'Make it with `tracewright lock --stack <name|file>`.',
  });
}

/** What is built together with the embedded cluster is pinned by the sources that it is built from. */
function isBuiltHere({ components }: Stack): boolean {
  return Object.values(components).every(({ release }) => !release || 'embedded' in release.chart);
}

function nothingToLock(name: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `The stack "${name}" has nothing to lock: it is built from sources that go.sum pins.`,
    remedy: 'Name another stack with --stack.',
  });
}
