import { TracewrightError } from '../domain/failure.js';
import type { Stack, TargetKind } from '../domain/stack.js';
import type { Availability } from '../targets/availability.js';

export interface TargetChoice {
  readonly kind: TargetKind;
  /** In brackets behind the kind, for people. */
  readonly why: string;
}

/** Looks what the machine that will do the work can do. */
export type LookAtTarget = (kind: TargetKind) => Promise<Availability>;

/**
 * The target that is asked for, or for `auto` the first that the stack prefers and this machine can do.
 * @throws TracewrightError `usage.invalid` when the stack cannot be installed there, `host.unsupported` when `auto`
 * finds nothing that this machine can do
 */
export async function chooseTarget(
  asked: TargetKind | 'auto',
  stack: Stack,
  lookAt: LookAtTarget,
): Promise<TargetChoice> {
  if (asked !== 'auto') {
    if (stack.targets.includes(asked)) return { kind: asked, why: 'as asked for' };
    throw new TracewrightError({
      type: 'usage.invalid',
      message: `The stack "${stack.name}" cannot be installed on the target ${asked}.`,
      remedy: `Use --target ${stack.targets.join(' or ')}, or another stack.`,
    });
  }
  const [only, ...others] = stack.targets;
  if (only === 'kubeconfig' && others.length === 0)
    return { kind: only, why: `auto: the only target of the stack "${stack.name}"` };
  const against: string[] = [];
  for (const kind of stack.targets) {
    const { possible, because } = await lookAt(kind);
    if (possible) return { kind, why: `auto: ${[...against, because].join('; ')}` };
    against.push(because);
  }
  throw nothingPossible(stack, against, await lookAt('embedded'));
}

function nothingPossible(stack: Stack, against: readonly string[], embedded: Availability): TracewrightError {
  const remedies = [
    ...(stack.targets.includes('k3d') ? ['start Docker'] : []),
    ...(stack.targets.includes('kubeconfig') ? ['name an existing cluster with --kubeconfig'] : []),
    ...(embedded.possible && !stack.targets.includes('embedded')
      ? ['use --stack embedded, which needs neither Docker nor a cluster']
      : []),
    ...(stack.targets.includes('embedded') ? ['use a Linux machine as root, or another stack'] : []),
  ].join(', or ');
  return new TracewrightError({
    type: 'host.unsupported',
    message: `The stack "${stack.name}" cannot be installed here: ${against.join('; ')}.`,
    remedy: `${remedies.charAt(0).toUpperCase()}${remedies.slice(1)}.`,
  });
}
