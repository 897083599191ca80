import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { kubeconfigPaths, type Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import { defaultK3dSettings } from '../domain/k3d-settings.js';
import type { TargetSpec } from '../domain/progress.js';
import { targetKinds, type Stack, type TargetKind } from '../domain/stack.js';
import type { Availability } from '../targets/availability.js';
import { resolveConnection } from '../temporal/connection.js';
import { chooseTarget, type LookAtTarget } from './choose-target.js';

/** What commands take that say where the cluster comes from. */
export interface TargetOptions {
  target: TargetKind | 'auto';
  /** A path, relative to the present folder. */
  kubeconfig?: string;
  context?: string;
  adopt?: true;
}

/** Adds `--target`, `--kubeconfig`, `--context` and `--adopt`. */
export function targetOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-t, --target <kind>', 'where the cluster comes from')
        .choices(['auto', ...targetKinds])
        .default('auto'),
    )
    .option(
      '--kubeconfig <file>',
      'an existing cluster: its kubeconfig (default: KUBECONFIG, ~/.kube/config)',
    )
    .option('--context <name>', 'the context in the kubeconfig (default: its current one)')
    .option('--adopt', 'take over releases and objects of these names that Tracewright did not make');
}

/**
 * The target that the options mean, and why it was chosen. The context is written down even when it was not named: what
 * is installed in one cluster must not be taken down in another because somebody chose another context meanwhile.
 * @throws TracewrightError `usage.invalid` for options that do not fit together or to the stack, `cluster.not-found`
 */
export async function targetSpecOf(
  config: Config,
  options: TargetOptions,
  stack: Stack,
  lookAt: LookAtTarget = lookAtTarget(config),
): Promise<{ target: TargetSpec; why: string }> {
  const { kubeconfig, context, adopt } = options;
  const named = namingOption(options);
  const implied = options.target === 'auto' && named !== undefined;
  const { kind, why: chosen } = await chooseTarget(askedTarget(options), stack, lookAt);
  const why = implied ? `auto: ${named} names a cluster` : chosen;
  if (kind !== 'kubeconfig') {
    const useless = named ?? (adopt ? '--adopt' : undefined);
    if (useless !== undefined) throw notForThis(useless, kind);
    return { target: { kind, ...(kind === 'k3d' && { k3d: stack.k3d ?? defaultK3dSettings }) }, why };
  }
  const file = kubeconfig === undefined ? undefined : resolve(kubeconfig);
  if (file !== undefined && !existsSync(file) && resolveConnection(config).kind === 'external') {
    // Behind a Temporal server of one's own the file may lie on the workers' machines alone.
    return { target: { kind, kubeconfigPath: file, ...(context !== undefined && { context }) }, why };
  }
  // Loaded only now: the library behind it takes a third of a second.
  const { findContext } = await import('../tools/kubernetes/kubeconfig.js');
  const found = findContext(file === undefined ? kubeconfigPaths(config) : [file], context);
  return { target: { kind, ...found }, why: `${why}; context ${found.context}` };
}

/** The kind that the options ask for: whoever names a cluster means an existing one. */
export function askedTarget(options: TargetOptions): TargetKind | 'auto' {
  return options.target === 'auto' && namingOption(options) !== undefined ? 'kubeconfig' : options.target;
}

function namingOption({ kubeconfig, context }: TargetOptions): string | undefined {
  if (kubeconfig !== undefined) return '--kubeconfig';
  return context === undefined ? undefined : '--context';
}

/** Each kind is looked at once. Behind a Temporal server of one's own the workers' machines count, not this one. */
export function lookAtTarget(config: Config): LookAtTarget {
  if (resolveConnection(config).kind === 'external')
    return (kind) =>
      Promise.resolve({ possible: kind !== 'kubeconfig', because: 'the first that a worker may have' });
  const seen = new Map<TargetKind, Promise<Availability>>();
  return (kind) => {
    const look =
      seen.get(kind) ??
      import('../targets/availability.js').then((it) => it.availabilityOf(kind, config.environment));
    seen.set(kind, look);
    return look;
  };
}

function notForThis(option: string, kind: TargetKind): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${option} is for existing clusters; the target ${kind} makes one of its own.`,
    remedy: `Leave ${option} out, or use --target kubeconfig.`,
  });
}
