import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import type { Parameter } from '../../domain/parameter.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import type { Stack } from '../../domain/stack.js';
import { parameterizedStack } from '../../stack-file.js';
import { redact } from '../../tools/redact.js';

/** The parameters of an environment from now on. */
export interface ParameterChoice {
  readonly parameters: readonly Parameter[];
  /** They come from the last `up`, not from this command. */
  readonly kept: boolean;
  /** What a person should know of it, as a sentence. */
  readonly note?: string;
}

/**
 * Who gives none keeps those of the last `up`: the command that goes on with an environment must not undo what it was
 * installed with. Who gives some replaces all of them. Another stack starts without.
 * @param given of this command; `undefined` when it says nothing about them
 */
export function chooseParameters(
  given: readonly Parameter[] | undefined,
  existing: Pick<EnvironmentSpec, 'stack' | 'parameters'> | undefined,
  stack: string,
): ParameterChoice {
  const before = existing?.parameters ?? [];
  if (given === undefined && existing?.stack.name === stack) {
    if (before.length === 0) return { parameters: [], kept: false };
    const note = `As in the last up: ${listed(before)}. --reset-values forgets that.`;
    return { parameters: before, kept: true, note };
  }
  const parameters = given ?? [];
  const gone = before.filter((it) => !parameters.some((other) => other.given === it.given));
  return {
    parameters,
    kept: false,
    ...(gone.length > 0 && { note: `No longer, as it was in the last up: ${listed(gone)}.` }),
  };
}

/**
 * The stack with the parameters.
 * @throws TracewrightError as `parameterizedStack`, with what to do about kept ones
 */
export function applyParameters(stack: Stack, { parameters, kept }: ParameterChoice): Stack {
  try {
    return parameterizedStack(stack, parameters);
  } catch (error) {
    if (!kept || !isTracewrightError(error)) throw error;
    const { type, message } = error;
    throw new TracewrightError({
      type,
      message: `${message} It comes from the last up.`,
      remedy: 'Give all parameters anew, or forget them with --reset-values.',
      cause: error,
    });
  }
}

function listed(parameters: readonly Parameter[]): string {
  return redact(parameters.map(({ given }) => given).join(' '));
}
