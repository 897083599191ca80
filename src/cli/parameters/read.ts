import type { Parameter } from '../../domain/parameter.js';
import { parseAssignment } from './assignment.js';
import { readValues } from './values-file.js';

/** How a command may change the values of a stack; see `parameterOptions`. */
export interface ParameterOptions {
  set?: readonly string[];
  values?: readonly string[];
  /** Forget those of the last `up`. */
  resetValues?: true;
}

/**
 * What the options ask for, files first: as with Helm, a `--set` wins over a file wherever it stands.
 * @returns `undefined` when none was given, so that those of the last `up` stay
 * @throws TracewrightError as `readValues` and `parseAssignment`
 */
export async function readParameters({
  set = [],
  values = [],
  resetValues,
}: ParameterOptions): Promise<readonly Parameter[] | undefined> {
  if (set.length + values.length === 0) return resetValues ? [] : undefined;
  const files: Parameter[] = [];
  // One after the other: the first mistake is the one that is told.
  for (const text of values) files.push(await readValues(text));
  return [...files, ...set.map(parseAssignment)];
}
