import type { SearchAttributePair } from '@temporalio/common';
import { environmentWorkflowId, searchAttributesOf } from './names.js';
import type { EnvironmentSpec, Phase } from './progress.js';

/** What a start of an environment's workflow writes down beside its input. On the wire. */
export const startMemo = {
  /** In milliseconds since the epoch. Unlike the start time of the run, this survives continue-as-new. */
  startedAt: 'startedAt',
  /** The machine that was to make the cluster. */
  hostId: 'hostId',
} as const;

interface EnvironmentStart {
  readonly name: string;
  readonly spec: EnvironmentSpec;
  readonly hostId: string | undefined;
  readonly phase: Phase;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** How the workflow of an environment is started, by a client or by its fleet: names, and what lists and the Web UI show. */
export function environmentStart({ name, spec, hostId, phase, now }: EnvironmentStart): {
  readonly workflowId: string;
  readonly staticSummary: string;
  readonly staticDetails: string;
  readonly memo: Record<string, unknown>;
  readonly typedSearchAttributes: SearchAttributePair[];
} {
  const { stack, target } = spec;
  return {
    workflowId: environmentWorkflowId(name),
    staticSummary: `Environment ${name}: stack "${stack.name}" on target ${target.kind}`,
    staticDetails: staticDetails(name, spec),
    memo: { [startMemo.startedAt]: now, ...(hostId !== undefined && { [startMemo.hostId]: hostId }) },
    typedSearchAttributes: searchAttributesOf({
      environment: name,
      stack: stack.name,
      target: target.kind,
      phase,
    }),
  };
}

function staticDetails(name: string, spec: EnvironmentSpec): string {
  const { stack, target } = spec;
  const components = Object.entries(stack.components).map(
    ([id, { title, needs }]) =>
      `- **${id}**${title === undefined || title === id ? '' : `, ${title}`}${needs.length > 0 ? `, after ${needs.join(' and ')}` : ''}`,
  );
  const context = target.context === undefined ? '' : `, context \`${target.context}\``;
  const commands = ['status', 'retry', 'skip', 'abort', 'verify', 'trace', 'down'];
  return [
    `**${stack.name}**: ${stack.description}`,
    `Environment \`${name}\` on target \`${target.kind}\`${context}. First the cluster, then side by side:`,
    components.join('\n'),
    'At the end a ride through HotROD, which must be found in Tempo, is the proof.',
    `**Current Details** tell how far each step is, and what to do about one that is blocked. Commands: \`tracewright\` ${commands.map((it) => `\`${it}\``).join(', ')}, with \`--name ${name}\`.`,
  ].join('\n\n');
}
