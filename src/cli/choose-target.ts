import { isTracewrightError, TracewrightError, type FailureType } from '../domain/failure.js';
import type { Availability, Machine } from '../domain/machine.js';
import type { Stack, TargetKind } from '../domain/stack.js';

interface TargetChoice {
  readonly kind: TargetKind;
  /** In brackets behind the kind, for people. */
  readonly why: string;
}

/** Says where a choice was made, unless that is here. */
export function placed(why: string, { worker }: Pick<Machine, 'worker'>): string {
  if (!worker) return why;
  const where = `on ${worker.name}`;
  return why.startsWith('auto: ') ? why.replace('auto:', `auto, ${where}:`) : `${why}, ${where}`;
}

/** What one machine lacks another may have. */
const ofOneMachine: readonly FailureType[] = [
  'host.unsupported',
  'host.lost',
  'temporal.worker-missing',
  'worker.outdated',
];

/**
 * Chooses on the first machine that can do what is asked for. Where none can, it is the first that refuses.
 * @param choose what it finds there
 * @param isPossible whether that machine can do it
 * @throws TracewrightError what `choose` throws on the first machine, with the reasons of the others as evidence
 */
export async function onFirstThatCan<T>(
  machines: readonly Machine[],
  choose: (machine: Machine) => Promise<T>,
  isPossible: (found: T) => Promise<boolean>,
): Promise<T> {
  const refusals: TracewrightError[] = [];
  const impossible: T[] = [];
  for (const machine of machines) {
    try {
      const found = await choose(machine);
      if (machines.length === 1 || (await isPossible(found))) return found;
      impossible.push(found);
    } catch (error) {
      if (!isTracewrightError(error) || !ofOneMachine.includes(error.type)) throw error;
      refusals.push(error);
    }
  }
  if (impossible.length > 0) return impossible[0] as T;
  const [first, ...others] = refusals as [TracewrightError, ...TracewrightError[]];
  if (others.length === 0) throw first;
  const { type, message, remedy } = first;
  const evidence = others.map((other) => `Also: ${other.message}`);
  throw new TracewrightError({ type, message, remedy, evidence, cause: first });
}

/**
 * The target that is asked for, or for `auto` the first that the stack prefers and the machine can do.
 * @throws TracewrightError `usage.invalid` when the stack cannot be installed there, `host.unsupported` when `auto`
 * finds nothing that the machine can do
 */
export async function chooseTarget(
  asked: TargetKind | 'auto',
  stack: Stack,
  machine: Pick<Machine, 'lookAt' | 'worker'>,
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
    const { possible, because } = await machine.lookAt(kind);
    if (possible) return { kind, why: `auto: ${[...against, because].join('; ')}` };
    against.push(because);
  }
  const where = machine.worker ? `on ${machine.worker.name}` : 'here';
  throw nothingPossible(stack, where, against, await machine.lookAt('embedded'));
}

function nothingPossible(
  stack: Stack,
  where: string,
  against: readonly string[],
  embedded: Availability,
): TracewrightError {
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
    message: `The stack "${stack.name}" cannot be installed ${where}: ${against.join('; ')}.`,
    remedy: `${remedies.charAt(0).toUpperCase()}${remedies.slice(1)}.`,
  });
}

/** The upstream charts in today's versions. */
const upstream = 'current';
/** What can be built from package registries. */
const built = 'embedded';
const builtIn = [upstream, built, 'tutorial'];

interface StackQuestion {
  /** Of `--target`, or the one that other options imply. */
  readonly target: TargetKind | 'auto';
  /** Of the environment, where it is given one. @default that of the stack */
  readonly name?: string | undefined;
  readonly machine: Pick<Machine, 'lookAt' | 'clusters' | 'madeFor'>;
  /**
   * Why the charts and images of the stack `current` cannot be had there, or what is at the other addresses; `undefined`
   * when they can.
   */
  readonly whyNoUpstream: (addresses: readonly string[]) => Promise<string | undefined>;
}

interface StackChoice {
  readonly name: string;
  /** In brackets behind the name, for people. */
  readonly why: string;
}

/**
 * The built-in stack that `up` means without `--stack`. What was begun on the machine is gone on with, whatever became of
 * Docker and the network meanwhile; otherwise the upstream charts where they can run and be had.
 */
export async function chooseStack(question: StackQuestion): Promise<StackChoice> {
  const { target, name, machine, whyNoUpstream } = question;
  const noted = name === undefined ? undefined : await machine.madeFor?.(name);
  if (noted !== undefined && builtIn.includes(noted) && target !== 'kubeconfig')
    return { name: noted, why: 'auto: its cluster was made for it' };
  if (target === 'k3d' || target === 'kubeconfig')
    return { name: upstream, why: `auto: the one for the target ${target}` };
  // The environment, and with it its cluster's folder, bears the name of the stack.
  const clusters = await machine.clusters();
  const begun = [upstream, built].find((it) =>
    target === 'embedded' ? clusters[it] === 'embedded' : it in clusters,
  );
  if (begun !== undefined) return { name: begun, why: 'auto: it was begun here' };
  const docker =
    target === 'auto' ? await machine.lookAt('k3d') : { possible: false, because: 'as asked for' };
  if (docker.possible) return { name: upstream, why: `auto: ${docker.because}` };
  const here = await machine.lookAt('embedded');
  // Whatever is chosen, it will be refused with the reason.
  if (!here.possible || here.lacks !== undefined) return { name: built, why: `auto: ${docker.because}` };
  const reason = await whyNoUpstream(here.addresses ?? []);
  if (reason === undefined)
    return { name: upstream, why: `auto: ${docker.because}; registries and chart repositories answer` };
  // Where it cannot be built either it will be refused, together with all else that is missing.
  const against = [docker.because, reason, here.cannotBuild].filter((it) => it !== undefined);
  return { name: built, why: `auto: ${against.join('; ')}` };
}
