import { existsSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { kubeconfigPaths, type Config } from '../config.js';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import { defaultK3dSettings } from '../domain/k3d-settings.js';
import type { Machine } from '../domain/machine.js';
import type { TargetSpec } from '../domain/progress.js';
import type { Stack, TargetKind } from '../domain/stack.js';
import { thisMachine } from '../targets/machine.js';
import { resolveConnection } from '../temporal/connection.js';
import type { ToolSource } from '../tools/find-program.js';
import { findContext, type KubeconfigContext } from '../tools/kubernetes/kubeconfig.js';
import { chooseTarget, placed } from './choose-target.js';
import { embeddedImages, withMirror, type SourceOptions } from './stack-sources.js';
import type { ClusterOptions, TargetOptions } from './target-options.js';

/** @throws TracewrightError `cluster.not-found` */
export function namedCluster(
  config: Pick<Config, 'environment'>,
  { target, kubeconfig, context }: ClusterOptions,
): KubeconfigContext | undefined {
  if (target === undefined && kubeconfig === undefined && context === undefined) return undefined;
  return findContext(kubeconfig === undefined ? kubeconfigPaths(config) : [resolve(kubeconfig)], context);
}

/**
 * The target that the options mean, and why it was chosen. The context is written down even when it was not named: what
 * is installed in one cluster must not be taken down in another because somebody chose another context meanwhile.
 * @throws TracewrightError `usage.invalid` for options that do not fit together or to the stack, `cluster.not-found`
 */
export async function targetSpecOf(
  config: Config,
  options: TargetOptions & Pick<SourceOptions, 'imagesFrom'>,
  stack: Stack,
  machine: Pick<Machine, 'lookAt' | 'worker'>,
): Promise<{ target: TargetSpec; why: string }> {
  const { kubeconfig, context, adopt } = options;
  const named = namingOption(options);
  const implied = options.target === 'auto' && named !== undefined;
  const { kind, why: chosen } = await chooseTarget(askedTarget(options), stack, machine);
  const why = placed(implied ? `auto: ${named} names a cluster` : chosen, machine);
  if (kind !== 'kubeconfig') {
    const useless = named ?? (adopt ? '--adopt' : undefined);
    if (useless !== undefined) throw notForThis(useless, kind);
    if (kind === 'embedded') {
      const images = embeddedImages(stack, options.imagesFrom);
      return { target: { kind, ...(images && { images }) }, why };
    }
    return { target: { kind, k3d: withMirror(stack.k3d ?? defaultK3dSettings, options.imagesFrom) }, why };
  }
  const file = kubeconfig === undefined ? undefined : resolve(kubeconfig);
  if (file !== undefined && !existsSync(file) && resolveConnection(config).kind === 'external') {
    // Behind a Temporal server of one's own the file may lie on the workers' machines alone.
    return { target: { kind, kubeconfigPath: file, ...(context !== undefined && { context }) }, why };
  }
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

export interface FindMachinesOptions {
  /** Of a server that does not answer nobody knows more: take this machine. @default false: it is a failure */
  readonly evenUnasked?: boolean;
  /** Ends every wait for an answer. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The machines that may do the work, in the order of preference: with the embedded server this one. Behind a server of
 * one's own the one that holds the environment of that name, else this one, else those whose workers are there.
 * @throws TracewrightError `temporal.unreachable`, `config.invalid`
 */
export async function findMachines(
  config: Config & Partial<Pick<ToolSource, 'onProgress'>>,
  name: string | undefined,
  { evenUnasked = false, signal }: FindMachinesOptions = {},
): Promise<readonly Machine[]> {
  if (resolveConnection(config).kind === 'embedded') return [thisMachine({ ...config, startsServer: true })];
  try {
    // Loaded only now: the client of Temporal takes longer than all the rest.
    return await (await import('./worker-machines.js')).machinesOfWorkers(config, name, signal);
  } catch (error) {
    if (evenUnasked && isTracewrightError(error) && error.type === 'temporal.unreachable')
      return [thisMachine(config)];
    throw error;
  }
}

/** Whether the machine can do the target, as far as a short look tells. */
export async function canDo(machine: Machine, { kind, kubeconfigPath }: TargetSpec): Promise<boolean> {
  if (kind !== 'kubeconfig') {
    const { possible, lacks } = await machine.lookAt(kind);
    return possible && lacks === undefined;
  }
  // The files of another machine are seen when it is examined.
  return (
    machine.worker !== undefined || (kubeconfigPath ?? '').split(delimiter).some((path) => existsSync(path))
  );
}

function notForThis(option: string, kind: TargetKind): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${option} is for existing clusters; the target ${kind} makes one of its own.`,
    remedy: `Leave ${option} out, or use --target kubeconfig.`,
  });
}
