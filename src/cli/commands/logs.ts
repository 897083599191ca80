import { didYouMean } from '../../domain/did-you-mean.js';
import { TracewrightError } from '../../domain/failure.js';
import type { Component } from '../../domain/stack.js';
import { podsOfComponent } from '../../tools/kubernetes/component-pods.js';
import { followLogs } from '../../tools/kubernetes/follow-logs.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { linesOf } from '../../tools/kubernetes/lines.js';
import type { Pod } from '../../tools/kubernetes/objects.js';
import { containersOf, openLog } from '../../tools/kubernetes/pod-logs.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { createLogPrinter, type LogPrinter } from '../log-printer.js';
import { clusterLogs, daemonLogs, toolLogs, type KeptLog } from '../kept-logs.js';
import { printKeptLogs } from '../print-kept-logs.js';
import { withCluster, type EnvironmentCluster } from '../with-cluster.js';

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
