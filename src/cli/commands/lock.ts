import { rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import type { Parameter } from '../../domain/parameter.js';
import type { Stack } from '../../domain/stack.js';
import {
  type Lock,
  type LockDifference,
  compareLocks,
  lockPathOf,
  readLock,
  writeLock,
} from '../../lock/lock-file.js';
import { makeLock } from '../../lock/make-lock.js';
import { loadStack, parameterizedStack } from '../../stack-file.js';
import { provideHelm } from '../../tools/helm-binary.js';
import { createHelm } from '../../tools/helm/helm.js';
import { isSecretName } from '../../tools/redact.js';
import { temporaryFolder } from '../../tools/writable-folder.js';
import { builtInStacks, registryOf, type SourceOptions, withChartsFrom } from '../stack-sources.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { type ParameterOptions, readParameters } from '../parameters/read.js';
import { progressNotes } from '../views/progress-notes.js';

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
  const folder = await temporaryFolder('tracewright-lock-');
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
  const charts = Object.values(components).flatMap(({ release }) => release?.chart ?? []);
  return charts.length > 0 && charts.every((chart) => 'embedded' in chart);
}

function nothingToLock(name: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `The stack "${name}" has nothing to lock: it is built from sources that go.sum pins.`,
    remedy: 'Name another stack with --stack.',
  });
}

interface LockParameters {
  readonly parameters: readonly Parameter[];
  /** What the lock file keeps of them; `undefined` where there are none. */
  readonly written: Lock['parameters'];
  /** They come from the lock file, not from this command. */
  readonly kept: boolean;
}

/**
 * The parameters that a stack is locked with, by the rule of `up`: who gives none keeps those of the last time, who
 * gives some replaces them all. The lock file keeps what `--set` said, and of `--values` only the file, from its own
 * folder on.
 * @throws TracewrightError `usage.invalid` for a secret that would be written down, and as `readParameters`
 */
async function lockParameters(
  options: ParameterOptions,
  lockPath: string,
  before: Lock | undefined,
): Promise<LockParameters> {
  const folder = dirname(lockPath);
  const given = await readParameters(options);
  if (given) return { parameters: given, written: writtenOf(options, given, folder), kept: false };
  const said = moved(before?.parameters ?? {}, (file) => resolve(folder, file));
  const parameters = (await readParameters(said)) ?? [];
  return { parameters, written: before?.parameters, kept: parameters.length > 0 };
}

function writtenOf(
  options: ParameterOptions,
  parameters: readonly Parameter[],
  folder: string,
): Lock['parameters'] {
  for (const { given, component, path } of parameters) {
    if (!/^--(?:values|set-file) /u.test(given) && isSecretName(String(path.at(-1))))
      throw secretRefused(`${component}.${path.join('.')}`);
  }
  if (parameters.length === 0) return undefined;
  const portable = (file: string): string => relative(folder, resolve(file)).replaceAll('\\', '/');
  return moved(options, portable);
}

/** The parameters with other paths of their files; kinds that were not given are left out. */
function moved(
  { set = [], setString, setJson, setFile, values = [] }: NonNullable<Lock['parameters']> | ParameterOptions,
  move: (file: string) => string,
): NonNullable<Lock['parameters']> {
  return {
    set: [...set],
    ...(setString && { setString: [...setString] }),
    ...(setJson && { setJson: [...setJson] }),
    ...(setFile && { setFile: setFile.map((text) => movedFile(text, move)) }),
    values: values.map((text) => movedFile(text, move)),
  };
}

/** `tempo=./mine.yaml` with another path behind the equals sign. */
function movedFile(text: string, move: (file: string) => string): string {
  const end = text.indexOf('=') + 1;
  return text.slice(0, end) + move(text.slice(end));
}

function secretRefused(what: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${what} looks like a secret, and the lock file keeps what --set says.`,
    remedy:
      'Leave it out: no digest depends on it. Where the chart asks for it, put it in a file for --values.',
  });
}
