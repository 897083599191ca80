import type { Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import type { Parameter } from '../domain/parameter.js';
import type { TargetSpec } from '../domain/progress.js';
import type { Stack } from '../domain/stack.js';
import { loadStack, type LoadedStack } from '../stack-file.js';
import { isSecretName } from '../tools/redact.js';
import { builtInStacks } from './built-in-stacks.js';
import { chooseStack } from './choose-stack.js';
import type { LookAtTarget } from './choose-target.js';
import type { CliContext } from './context.js';
import { environmentNameRule, isEnvironmentName } from './environment-name.js';
import { applyParameters, type ParameterChoice } from './parameters/choose.js';
import { readParameters, type ParameterOptions } from './parameters/read.js';
import type { SourceOptions } from './stack-sources.js';
import { askedTarget, lookAtTarget, targetSpecOf, type TargetOptions } from './target-options.js';
import { wrap } from './text-width.js';

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
  stackWith(choice: ParameterChoice): LoadedStack;
}

/** What somebody wants installed, and where; nothing of it was looked at yet. */
export interface InstallRequest extends StackRequest {
  readonly target: TargetSpec;
  /** Why it is that target. */
  readonly why: string;
}

/**
 * Reads the options, and says in one line what they mean.
 * @throws TracewrightError `usage.invalid`, `stack.*`, `cluster.not-found`, `host.unsupported`
 */
export async function readInstallRequest(
  context: CliContext,
  options: InstallOptions,
  what = 'environment',
): Promise<InstallRequest> {
  const { config, note, paint } = context;
  const lookAt = lookAtTarget(config);
  const request = await readStackRequest(config, options, lookAt);
  const { name, loaded, given } = request;
  const { target, why } = await targetSpecOf(config, options, loaded.stack, lookAt);
  announce(context, `${what} ${name}, stack ${loaded.stack.name}, target ${target.kind} (${why})`);
  for (const warning of secretWarnings(given ?? [])) note(paint('yellow', warning));
  return { ...request, target, why };
}

/**
 * Reads of the options what is said of the stack, and chooses one where nothing is said.
 * @throws TracewrightError `usage.invalid`, `stack.*`
 */
export async function readStackRequest(
  { stateDir }: Pick<Config, 'stateDir'>,
  options: InstallOptions,
  lookAt: LookAtTarget,
): Promise<StackRequest> {
  const { name, why } =
    options.stack === undefined
      ? await chooseStack({ target: askedTarget(options), stateDir, lookAt })
      : { name: options.stack, why: 'as asked for' };
  const loaded = await loadStack(name, { builtInDir: builtInStacks });
  const given = await readParameters(options);
  const stackWith = (choice: ParameterChoice): LoadedStack => {
    return { ...loaded, stack: applyParameters(loaded.stack, choice) };
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
    .filter(({ given, path }) => given.startsWith('--set ') && isSecretName(String(path.at(-1))))
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
