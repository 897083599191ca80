import { dirname, relative, resolve } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import type { Parameter } from '../../domain/parameter.js';
import type { Lock } from '../../lock/lock-file.js';
import { isSecretName } from '../../tools/redact.js';
import { readParameters, type ParameterOptions } from './read.js';

export interface LockParameters {
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
export async function lockParameters(
  options: ParameterOptions,
  lockPath: string,
  before: Lock | undefined,
): Promise<LockParameters> {
  const folder = dirname(lockPath);
  const given = await readParameters(options);
  if (given) return { parameters: given, written: writtenOf(options, given, folder), kept: false };
  const { set = [], values = [] } = before?.parameters ?? {};
  const absolute = values.map((text) => movedFile(text, (file) => resolve(folder, file)));
  const parameters = (await readParameters({ set, values: absolute })) ?? [];
  return { parameters, written: before?.parameters, kept: parameters.length > 0 };
}

function writtenOf(
  { set = [], values = [] }: ParameterOptions,
  parameters: readonly Parameter[],
  folder: string,
): Lock['parameters'] {
  for (const { given, component, path } of parameters) {
    if (given.startsWith('--set ') && isSecretName(String(path.at(-1))))
      throw secretRefused(`${component}.${path.join('.')}`);
  }
  if (parameters.length === 0) return undefined;
  const portable = (file: string): string => relative(folder, resolve(file)).replaceAll('\\', '/');
  return { set: [...set], values: values.map((text) => movedFile(text, portable)) };
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
