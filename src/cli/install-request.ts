import { TracewrightError } from '../domain/failure.js';
import type { Machine } from '../domain/machine.js';
import type { Parameter } from '../domain/parameter.js';
import type { TargetSpec } from '../domain/progress.js';
import type { Stack } from '../domain/stack.js';
import { loadStack, type LoadedStack } from '../stack-file.js';
import { resolveConnection } from '../temporal/connection.js';
import { isSecretName } from '../tools/redact.js';
import { builtInStacks, type SourceOptions, upstreamAddresses } from './stack-sources.js';
import { chooseStack, onFirstThatCan } from './choose-target.js';
import type { CliContext } from './context.js';
import { environmentNameRule, isEnvironmentName } from '../domain/names.js';
import { applyParameters, type ParameterChoice } from './parameters/choose.js';
import { type ParameterOptions, readParameters } from './parameters/read.js';
import type { TargetOptions } from './target-options.js';
import { askedTarget, canDo, findMachines, targetSpecOf, type FindMachinesOptions } from './target-spec.js';
import { wrap } from './views/text-width.js';

/** What `up` and `plan` both take. */
export interface InstallOptions extends TargetOptions, SourceOptions, ParameterOptions {
  name?: string;
  stack?: string;
}

/** The stack that somebody wants installed, before a target was looked at. */
export interface StackRequest {
  readonly loaded: LoadedStack;
  /** Why it is that stack, for people. */
  readonly whyStack: string;
  /** `undefined`: those of the last `up`, if there was one. */
  readonly given: readonly Parameter[] | undefined;
  /** Of the environment. */
  readonly name: string;
  /** The stack of the file with these parameters. @throws TracewrightError `usage.invalid` */
  readonly stackWith: (choice: ParameterChoice) => LoadedStack;
}

/** What somebody wants installed, and where; nothing of it was looked at yet. */
export interface InstallRequest extends StackRequest {
  readonly target: TargetSpec;
  /** Why it is that target. */
  readonly why: string;
  /** The one that does the work. */
  readonly machine: Machine;
}

/**
 * Reads the options, and says in one line what they mean.
 * @throws TracewrightError `usage.invalid`, `stack.*`, `cluster.not-found`, `host.*`; behind a Temporal server of one's
 * own `temporal.unreachable`, `worker.outdated`
 */
export async function readInstallRequest(
  context: CliContext,
  options: InstallOptions,
  { what = 'environment', ...find }: FindMachinesOptions & { readonly what?: string } = {},
): Promise<InstallRequest> {
  const { config, note, paint, signal } = context;
  const choice = await findInstallRequest({ ...config, onProgress: note }, options, { ...find, signal });
  const { name, loaded, given, target, why } = choice;
  announce(context, `${what} ${name}, stack ${loaded.stack.name}, target ${target.kind} (${why})`);
  for (const warning of secretWarnings(given ?? [])) note(paint('yellow', warning));
  return choice;
}

/**
 * Finds the machine that does the work, and what the options mean there: the one that holds the environment; a new one
 * goes to the first that can do it.
 * @throws TracewrightError as `findMachines`, `readStackRequest` and `targetSpecOf`
 */
export async function findInstallRequest(
  config: Parameters<typeof findMachines>[0],
  options: InstallOptions,
  find: FindMachinesOptions = {},
): Promise<InstallRequest> {
  // A wrong call is told before anybody is asked.
  const named = options.stack === undefined ? undefined : await readStackRequest(options, undefined);
  const on = async (machine: Machine): Promise<InstallRequest> => {
    const request = named ?? (await readStackRequest(options, machine));
    const { target, why } = await targetOf(config, options, request, machine);
    return { ...request, target, why, machine };
  };
  const name = named?.name ?? options.name;
  const machines = await findMachines(config, name, find);
  const found = await onFirstThatCan(machines, on, ({ machine, target }) => canDo(machine, target));
  if (name !== undefined || resolveConnection(config).kind === 'embedded') return found;
  // Only the choice of a stack has given it a name.
  const [holder, ...others] = await findMachines(config, found.name, find);
  return holder && others.length === 0 && holder.worker?.hostId !== found.machine.worker?.hostId
    ? on(holder)
    : found;
}

/**
 * As `targetSpecOf`, for an environment that may have its cluster already, whether or not a workflow looks after it:
 * `auto` stays there, whatever the machine can do by now.
 * @throws TracewrightError as `targetSpecOf`, and `environment.conflict` when it has one on another target
 */
async function targetOf(
  config: Parameters<typeof targetSpecOf>[0],
  options: InstallOptions,
  { name, loaded }: StackRequest,
  machine: Machine,
): ReturnType<typeof targetSpecOf> {
  const begun = (await machine.clusters())[name];
  const stays = begun !== undefined && askedTarget(options) === 'auto';
  const place = stays ? { ...options, target: begun } : options;
  const chosen = await targetSpecOf(config, place, loaded.stack, machine);
  requireTarget(name, begun && { kind: begun }, chosen.target);
  return stays ? { ...chosen, why: 'auto: its cluster is there' } : chosen;
}

/**
 * Two clusters for one environment: of one of them nobody would know any more.
 * @throws TracewrightError `environment.conflict`
 */
export function requireTarget(name: string, known: TargetSpec | undefined, wanted: TargetSpec): void {
  const { kind, kubeconfigPath: path, context } = wanted;
  if (!known || (known.kind === kind && (known.context ?? context) === context)) return;
  const place =
    known.context === undefined ? '' : ` (context ${known.context} in ${known.kubeconfigPath ?? ''})`;
  const other = kind === 'kubeconfig' ? ` (context ${context ?? ''} in ${path ?? ''})` : '';
  throw new TracewrightError({
    type: 'environment.conflict',
    message: `The environment "${name}" has its cluster on the target ${known.kind}${place}, not ${kind}${other}.`,
    remedy: `Say so with --target or --context, take it down first (\`tracewright down --name ${name}\`), or choose another name with --name.`,
  });
}

/**
 * Reads of the options what is said of the stack, and chooses one where nothing is said.
 * @throws TracewrightError `usage.invalid`, `stack.*`
 */
export async function readStackRequest(
  options: InstallOptions,
  machine: Machine | undefined,
): Promise<StackRequest> {
  const { name, why } =
    options.stack === undefined && machine
      ? await chooseStack({
          target: askedTarget(options),
          name: options.name,
          machine,
          whyNoUpstream: async (addresses) =>
            machine.whyUnreachable([...addresses, ...(await upstreamAddresses(options))]),
        })
      : { name: options.stack ?? '', why: 'as asked for' };
  const loaded = await loadStack(name, { builtInDir: builtInStacks });
  const given = await readParameters(options);
  const stackWith = (choice: ParameterChoice): LoadedStack => {
    const stack = applyParameters(loaded.stack, choice);
    requireRoom(stack, choice);
    return { ...loaded, stack };
  };
  // A wrong parameter is told before anything is looked at.
  stackWith({ parameters: given ?? [], kept: false });
  return { loaded, whyStack: why, given, name: options.name ?? nameOf(loaded.stack), stackWith };
}

/** Says who begins what, in whole words where a person reads it. */
function announce({ version, note, paint, terminal, columns }: CliContext, what: string): void {
  const title = `tracewright ${version}`;
  const lines = terminal ? wrap(`${title}  ${what}`, columns) : [`${title}  ${what}`];
  for (const line of lines) note(line.replace(title, paint('bold', title)));
}

/** Nothing can be done about it any more but to say so. */
function secretWarnings(parameters: readonly Parameter[]): string[] {
  return parameters
    .filter(({ given, path }) => !/^--(?:values|set-file) /u.test(given) && isSecretName(String(path.at(-1))))
    .map(
      ({ component, path }) =>
        `${component}.${path.join('.')} looks like a secret. Arguments stand in the process list and in the shell's history, ` +
        'and values in the history of the workflow: let the chart read it from a Secret.',
    );
}

/** A stack's name may be longer than an environment's. */
function nameOf(stack: Stack): string {
  if (isEnvironmentName(stack.name)) return stack.name;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `The stack's name "${stack.name}" cannot be the environment's. ${environmentNameRule}`,
    remedy: 'Give the environment a name with --name.',
  });
}

/**
 * In bytes of JSON. A Temporal server refuses payloads of more than 2 MiB, and an environment that goes on with an empty
 * history hands its stack on twice.
 */
const maxStackBytes = 900_000;

/** @throws TracewrightError `stack.too-large` that names what is large in it */
function requireRoom(stack: Stack, { parameters }: ParameterChoice): void {
  const bytes = bytesOf({ stack, parameters });
  if (bytes <= maxStackBytes) return;
  const largest = Object.entries(stack.components)
    .flatMap(([name, { release, manifests }]) => [
      { what: `the values of ${name}`, size: bytesOf(release?.values ?? {}) },
      ...(manifests?.objects ?? []).map((object) => ({
        what: `${object.kind}/${object.metadata.name} of ${name}`,
        size: bytesOf(object),
      })),
    ])
    .sort((a, b) => b.size - a.size)
    .slice(0, 5)
    .map(({ what, size }) => `${what}: ${kilobytes(size)}`);
  throw new TracewrightError({
    type: 'stack.too-large',
    message: `The stack ${stack.name} has ${kilobytes(bytes)} with its values, and may have ${kilobytes(maxStackBytes)}. Largest: ${largest.join('; ')}.`,
    remedy:
      'Put what is large, such as dashboards, into a chart, and name that in the stack file by its path.',
    evidence: largest,
  });
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

const kilobytes = (bytes: number): string => `${String(Math.ceil(bytes / 1000))} kB`;
