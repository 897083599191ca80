import { existsSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { didYouMean } from '../../domain/did-you-mean.js';
import { TracewrightError } from '../../domain/failure.js';
import type { Component } from '../../domain/stack.js';
import { podsOfComponent } from '../../tools/kubernetes/component-pods.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { containersOf, followLogs, linesOf, openLog } from '../../tools/kubernetes/logs.js';
import type { Pod } from '../../tools/kubernetes/objects.js';
import { logLines } from '../../tools/log-file.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { clusterLogs, daemonLogs, type KeptLog, toolLogs } from '../kept-logs.js';
import type { PaintStyle } from '../views/format.js';
import { type EnvironmentCluster, withCluster } from '../with-cluster.js';

export interface LogsOptions {
  name?: string;
  follow?: boolean;
  /** Lines of each log; Infinity for all. */
  tail: number;
  /** Of the last run of each container. */
  previous?: boolean;
  /** Of the tools that installed the component. */
  tool?: boolean;
}

/**
 * Prints the logs of a component's pods, or of what is ours: the cluster's programs, the worker, the Temporal server.
 */
export async function logs(context: CliContext, what: string, options: LogsOptions): Promise<ExitCode> {
  if (options.previous && (options.follow || options.tool)) throw notTogether();
  // These must be there when nothing else works: they need neither server nor environment.
  const daemon = daemonLogs(context.config, what);
  if (daemon) await printKeptLogs(context, what, [daemon], options);
  else await withCluster(context, options.name, (it) => ofEnvironment(context, it, what, options));
  return exitCodes.ok;
}

async function ofEnvironment(
  context: CliContext,
  it: EnvironmentCluster,
  what: string,
  options: LogsOptions,
): Promise<void> {
  const { spec, environment } = it;
  const { components } = spec.stack;
  const component = components[what];
  if (!component && what !== 'cluster')
    throw unknown(what, [...Object.keys(components), 'cluster', 'worker', 'temporal']);
  let kept: readonly KeptLog[] | undefined;
  if (!component) kept = await clusterLogs(context.config, environment, spec.target.kind);
  else if (options.tool) kept = await toolLogs(context.config, environment, what);
  if (kept) await printKeptLogs(context, what, kept, options);
  else if (component) await ofPods(context, it, what, component, options);
}

async function ofPods(
  context: CliContext,
  it: EnvironmentCluster,
  what: string,
  component: Component,
  options: LogsOptions,
): Promise<void> {
  const { signal } = context;
  const kube = it.kube();
  const owner = { environment: it.environment, component: what };
  const pods = (): Promise<Pod[]> => podsOfComponent(kube, owner, component, signal);
  const now = await pods();
  const print = createLogPrinter(context, now.flatMap(containersOf).length > 1);
  const tailLines = Number.isFinite(options.tail) ? options.tail : undefined;
  if (options.follow) {
    for await (const { pod, container, line } of followLogs(kube, { pods, tailLines, signal }))
      print(sourceName(pod, container), line);
    return;
  }
  const printed = await printNow(kube, now, print, {
    tailLines,
    previous: options.previous ?? false,
    signal,
  });
  if (printed > 0) return;
  throw new TracewrightError({
    type: 'log.not-found',
    message: options.previous
      ? `No container of ${what} has ended and started again.`
      : `${what} has ${now.length === 0 ? 'no pods' : 'no container that has started'}.`,
    remedy: `\`tracewright status\` shows what it waits for; --tool shows what helm said.`,
  });
}

/** One container after the other. @returns how many have a log */
async function printNow(
  kube: Kubernetes,
  pods: readonly Pod[],
  print: LogPrinter,
  { tailLines, previous, signal }: { tailLines: number | undefined; previous: boolean; signal: AbortSignal },
): Promise<number> {
  let printed = 0;
  for (const pod of pods) {
    for (const container of containersOf(pod)) {
      const stream = await openLog(kube, { pod, container }, { tailLines, previous }, signal);
      if (!stream) continue;
      printed += 1;
      for await (const line of linesOf(stream)) print(sourceName(pod, container), line);
    }
  }
  return printed;
}

/** A pod's only container goes without saying. */
function sourceName(pod: Pod, container: string): string {
  const { name } = pod.metadata;
  return containersOf(pod).length > 1 ? `${name}/${container}` : name;
}

function unknown(what: string, known: readonly string[]): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `There are no logs of "${what}".${didYouMean(what, known)}`,
    remedy: `There are those of ${known.join(', ')}.`,
  });
}

function notTogether(): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: '--previous is for pods, and for what is over.',
    remedy: 'Leave out --follow and --tool.',
  });
}

/**
 * Prints logs of the state folder, one after the other; with `follow` all at once.
 * @throws TracewrightError `log.not-found`
 */
async function printKeptLogs(
  context: CliContext,
  what: string,
  logs: readonly KeptLog[],
  { tail: lines, follow = false }: { readonly tail: number; readonly follow?: boolean },
): Promise<void> {
  const existing = logs.filter(({ path }) => existsSync(path));
  if (existing.length === 0) {
    throw new TracewrightError({
      type: 'log.not-found',
      message: `There is no log of ${what} on this machine.`,
      remedy: 'What did not run here, or needed no tool, has none. `tracewright logs --help` tells what has.',
    });
  }
  const print = createLogPrinter(context, existing.length > 1);
  const printOne = async ({ source, path }: KeptLog): Promise<void> => {
    for await (const line of logLines(path, { lines, follow, signal: context.signal })) print(source, line);
  };
  if (follow) await Promise.all(existing.map(printOne));
  else for (const log of existing) await printOne(log);
}

/** Prints a line of a log. */
type LogPrinter = (source: string, line: string) => void;

const styles: readonly PaintStyle[] = ['cyan', 'yellow', 'magenta', 'green', 'blue'];

/**
 * Prints lines as they are, in a terminal without what would steer it.
 * @param named whether each line says whose it is: one of several
 */
export function createLogPrinter(
  { print, paint, terminal }: Pick<CliContext, 'print' | 'paint' | 'terminal'>,
  named: boolean,
): LogPrinter {
  const known: string[] = [];
  return (source, line) => {
    const text = terminal ? stripVTControlCharacters(line).replace(/[^\P{Cc}\t]/gu, '') : line;
    if (!named) {
      print(text);
      return;
    }
    if (!known.includes(source)) known.push(source);
    const style = styles[known.indexOf(source) % styles.length] ?? 'cyan';
    print(`${paint(style, `${source} │`)} ${text}`);
  };
}
