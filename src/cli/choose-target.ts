import { TracewrightError } from '../domain/failure.js';
import type { Stack, TargetKind } from '../domain/stack.js';
import { availableTargets } from '../targets/target.js';

export interface TargetChoice {
  readonly kind: TargetKind;
  /** In brackets behind the kind, for people. */
  readonly why: string;
}

/**
 * The target that is asked for, or for `auto` the first that the stack prefers and this version can open.
 * @throws TracewrightError `usage.invalid` when the stack cannot be installed there
 */
export function chooseTarget(asked: TargetKind | 'auto', stack: Stack): TargetChoice {
  const possible = stack.targets.filter((kind) => availableTargets.includes(kind));
  const [preferred] = possible;
  if (asked === 'auto' && preferred)
    return { kind: preferred, why: `auto: what the stack "${stack.name}" is made for` };
  if (asked !== 'auto' && possible.includes(asked)) return { kind: asked, why: 'as asked for' };
  if (!preferred) {
    throw refusal(
      `The stack "${stack.name}" is made for ${stack.targets.join(' and ')}; this version of Tracewright has ${availableTargets.join(' and ')} only.`,
      'Use another stack.',
    );
  }
  throw refusal(
    stack.targets.includes(asked as TargetKind)
      ? `The target ${asked} is not available in this version.`
      : `The stack "${stack.name}" cannot be installed on the target ${asked}.`,
    `Use --target ${possible.join(' or ')}, or another stack.`,
  );
}

function refusal(message: string, remedy: string): TracewrightError {
  return new TracewrightError({ type: 'usage.invalid', message, remedy });
}
