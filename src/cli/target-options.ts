import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { kubeconfigPaths, type Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import { defaultK3dSettings } from '../domain/k3d-settings.js';
import type { TargetSpec } from '../domain/progress.js';
import { targetKinds, type Stack, type TargetKind } from '../domain/stack.js';
import { resolveConnection } from '../temporal/connection.js';
import { chooseTarget } from './choose-target.js';

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
): Promise<{ target: TargetSpec; why: string }> {
  const { kubeconfig, context, adopt } = options;
  const named = kubeconfig !== undefined ? '--kubeconfig' : context !== undefined ? '--context' : undefined;
  const implied = options.target === 'auto' && named !== undefined;
  const { kind, why: chosen } = chooseTarget(implied ? 'kubeconfig' : options.target, stack);
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

function notForThis(option: string, kind: TargetKind): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${option} is for existing clusters; the target ${kind} makes one of its own.`,
    remedy: `Leave ${option} out, or use --target kubeconfig.`,
  });
}
