import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import type { Parameter } from '../../domain/parameter.js';
import type { Stack } from '../../domain/stack.js';
import { loadStack, parameterizedStack } from '../../stack-file.js';
import { compareLocks, type LockDifference } from '../../lock/compare-locks.js';
import { lockPathOf, readLock, writeLock, type Lock } from '../../lock/lock-file.js';
import { makeLock } from '../../lock/make-lock.js';
import { provideHelm } from '../../tools/helm-binary.js';
import { createHelm } from '../../tools/helm/helm.js';
import { lockParameters } from '../parameters/lock-parameters.js';
import type { ParameterOptions } from '../parameters/read.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { progressNotes } from '../progress-notes.js';
import { registryOf, withChartsFrom, type SourceOptions } from '../stack-sources.js';
import { builtInStacks } from '../built-in-stacks.js';

export interface LockCommandOptions extends SourceOptions, ParameterOptions {
  stack: string;
  check?: boolean;
}

/**
 * Writes the digests of a stack's charts and images beside it, or checks that they are still the same.
 * @throws TracewrightError `lock.mismatch` with both digests, `usage.invalid`, and what `lockParameters` and `makeLock`
 * throw
 */
export async function lock(context: CliContext, options: LockCommandOptions): Promise<ExitCode> {
  const loaded = await loadStack(options.stack, { builtInDir: builtInStacks });
  if (isBuiltHere(loaded.stack)) throw nothingToLock(loaded.stack.name);
  const path = lockPathOf(loaded.path);
  const before = await lockBefore(context, path, options);
  const { parameters, written, kept } = await lockParameters(options, path, before);
  if (kept)
    context.note(`With the parameters of the last lock: ${listed(parameters)}. --reset-values forgets them.`);
  const asked = parameterizedStack(loaded.stack, parameters);
  const stack = await withChartsFrom(asked, options.chartsFrom);
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-lock-'));
  try {
    const onProgress = progressNotes(context);
    const { path: binary } = await provideHelm({ ...context.config, onProgress, signal: context.signal });
    const found = await makeLock(asked, stack, {
      helm: createHelm({ binary, homeDir: join(folder, 'helm'), kubeconfigPath: join(folder, 'none') }),
      cacheDir: folder,
      imagesFrom: options.imagesFrom && registryOf(options.imagesFrom).registry,
      onProgress,
      signal: context.signal,
    });
    const after = { ...found, ...(written && { parameters: written }) };
    return await finish(context, path, { before, after, check: options.check ?? false });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file that cannot be used is made anew, as its failure says; there is nothing in it to keep. */
async function lockBefore(
  { note, paint }: CliContext,
  path: string,
  { check }: LockCommandOptions,
): Promise<Lock | undefined> {
  try {
    const before = await readLock(path);
    if (check && !before) throw noLock(path);
    return before;
  } catch (error) {
    if (check || !isTracewrightError(error)) throw error;
    note(paint('yellow', error.message));
    return undefined;
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

function listed(parameters: readonly Parameter[]): string {
  return parameters.map(({ given }) => given).join(' ');
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
