import { TracewrightError } from '../domain/failure.js';
import type { Stack, TargetKind } from '../domain/stack.js';

export interface TargetChoice {
  readonly kind: TargetKind;
  /** In brackets behind the kind, for people. */
  readonly why: string;
}

/**
 * The target that is asked for, or for `auto` the first that the stack prefers.
 * @throws TracewrightError `usage.invalid` when the stack cannot be installed there
 */
export function chooseTarget(asked: TargetKind | 'auto', stack: Stack): TargetChoice {
  const [preferred] = stack.targets;
  if (asked === 'auto' && preferred)
    return { kind: preferred, why: `auto: what the stack "${stack.name}" is made for` };
  if (asked !== 'auto' && stack.targets.includes(asked)) return { kind: asked, why: 'as asked for' };
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `The stack "${stack.name}" cannot be installed on the target ${asked}.`,
    remedy: `Use --target ${stack.targets.join(' or ')}, or another stack.`,
  });
}
