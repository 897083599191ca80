import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { formatDuration } from '../domain/duration.js';
import { countPhases, type FleetProgress } from '../domain/fleet.js';
import { searchAttributesOf } from '../domain/names.js';
import {
  differs,
  isPutBack,
  waitText,
  type ComponentDrift,
  type Phase,
  type Progress,
  type StepProgress,
  type StepState,
} from '../domain/progress.js';

const marks = {
  pending: '·',
  running: '▶',
  done: '✓',
  blocked: '✗',
  failed: '✗',
  skipped: '–',
  cancelled: '–',
  removing: '▶',
  removed: '✓',
} as const satisfies Record<StepState, string>;

/**
 * What the Web UI shows as current details, for whoever opens nothing else. First what waits for a person and what to
 * do, then the steps as a table, then the proof and the life of the environment. Markdown.
 */
export function currentDetails(progress: Progress): string {
  return [
    `### ${progress.environment}: ${progress.phase}`,
    placeText(progress),
    ...progress.steps.map((step) => failureText(progress.environment, step)),
    ...(progress.stoppedBecause === undefined ? [] : [`Stopped: ${plain(progress.stoppedBecause)}`]),
    stepTable(progress),
    ...(progress.steps.some(isRunning)
      ? ['**Pending Activities** tells what a running step does now, and in which attempt.']
      : []),
    ...proofTexts(progress),
    ...lifeTexts(progress),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function placeText({ stack, target, cluster }: Progress): string {
  const context = cluster?.context === undefined ? '' : `, context **${plain(cluster.context)}**`;
  const version = cluster === undefined ? '' : `, Kubernetes ${plain(cluster.version)}`;
  return `Stack **${plain(stack)}** on target **${target}**${context}${version}`;
}

function isRunning({ state }: StepProgress): boolean {
  return state === 'running' || state === 'removing';
}

function stepTable(progress: Progress): string {
  const rows = progress.steps.map((step) => {
    const took =
      step.startedAt !== undefined && step.endedAt !== undefined
        ? formatDuration(step.endedAt - step.startedAt)
        : '';
    return [marks[step.state], plain(step.name), stepText(step, progress), took];
  });
  const lines = [['', 'Step', 'What', 'Took'], ...rows].map((cells) => `|${cells.map(cell).join('|')}|`);
  lines.splice(1, 0, '|:--|:--|:--|:--|');
  return lines.join('\n');
}

function stepText(step: StepProgress, progress: Progress): string {
  const since = step.startedAt === undefined ? '' : ` since ${clock(step.startedAt)}`;
  switch (step.state) {
    case 'pending':
      return plain(waitText(step, progress));
    case 'running':
      return `**running**${since}`;
    case 'removing':
      return `**being removed**${since}`;
    case 'blocked':
      return '**blocked**: waits for a decision';
    case 'failed':
      return '**failed**';
    default:
      return plain(step.outcome ?? step.state);
  }
}

/** Why a step did not work, and what a person can do; empty for all others. */
function failureText(environment: string, step: StepProgress): string {
  const { name, kind, state, failure, endedAt } = step;
  if (!failure) return '';
  const is = { blocked: 'is blocked', failed: 'has failed' }[state as string] ?? 'was blocked';
  const since = endedAt === undefined || state !== 'blocked' ? '' : ` since ${moment(endedAt)}`;
  const { attempts = 1 } = failure;
  const tried = attempts > 1 ? `, after ${String(attempts)} attempts` : '';
  const command = (verb: string): string => `\`tracewright ${verb} --name ${environment}\``;
  return [
    `#### ${plain(name)} ${is}: \`${failure.type}\``,
    plain(failure.message),
    `**What to do:** ${plain(failure.remedy)}`,
    ...(state === 'blocked'
      ? [
          `Waits for you${since}${tried}:`,
          [
            `- ${command(`retry ${name}`)} tries it again, once the cause is fixed`,
            ...(kind === 'verification'
              ? [`- ${command('up')}, with the options of before, first puts back what was changed by hand`]
              : []),
            `- ${command(`skip ${name}`)} goes on without it`,
            `- ${command('down')} takes everything away`,
          ].join('\n'),
        ]
      : []),
    ...(failure.evidence ? ['Evidence:', fenced(failure.evidence)] : []),
  ].join('\n\n');
}

function proofTexts({ proof, lastVerifiedAt, environment, phase }: Progress): string[] {
  if (!proof) return [];
  const at = lastVerifiedAt === undefined ? '' : `, ${moment(lastVerifiedAt)}`;
  const services = Object.keys(proof.services).length;
  return [
    `**${phase === 'Ready' ? 'Proved' : 'Last proved'}** by the trace \`${proof.traceId}\`: ${String(proof.spans)} spans of ${String(services)} services${at}. ` +
      `\`tracewright trace --name ${environment}\` draws it.`,
  ];
}

function lifeTexts(progress: Progress): string[] {
  const { environment, paused, expiresAt, nextVerificationAt, drift, driftObservedAt } = progress;
  return [
    ...(paused ? [`**Paused:** no new step starts until \`tracewright resume --name ${environment}\`.`] : []),
    ...(nextVerificationAt === undefined ? [] : [`Next verification: ${moment(nextVerificationAt)}`]),
    ...(expiresAt === undefined
      ? []
      : [
          `Torn down by itself: ${moment(expiresAt)}; \`tracewright extend 4h --name ${environment}\` gives it longer.`,
        ]),
    ...(drift && driftObservedAt !== undefined ? [driftText(environment, drift, driftObservedAt)] : []),
  ];
}

function driftText(environment: string, drift: readonly ComponentDrift[], at: number): string {
  const different = drift.filter(differs);
  if (different.length === 0) return `No drift, ${moment(at)}.`;
  const rows = different.map(
    ({ component, state, detail }) => `- ${plain(component)}: **${state}**. ${plain(detail)}`,
  );
  const cure = `\`tracewright up --name ${environment}\`, with the options of before, puts it back.`;
  return [`#### Drift, ${moment(at)}`, rows.join('\n'), ...(different.some(isPutBack) ? [cure] : [])].join(
    '\n\n',
  );
}

/** The same for a fleet: a line for each seat. */
export function fleetDetails(progress: FleetProgress): string {
  const { fleet, stack = '', target = '', seats } = progress;
  const counts = [...countPhases(progress)].map(([phase, count]) => `${String(count)} ${phase}`);
  const rows = seats.map(({ name, phase, step = '', why = '' }) => [name, phase, plain(step), plain(why)]);
  const lines = [['Seat', 'Phase', 'Step', 'Why'], ...rows].map((cells) => `|${cells.map(cell).join('|')}|`);
  lines.splice(1, 0, '|:--|:--|:--|:--|');
  return [
    `### Fleet ${fleet}: ${counts.join(', ')}`,
    `Stack **${plain(stack)}** on target **${target}**`,
    lines.join('\n'),
    `\`tracewright fleet status --name ${fleet}\` shows it, \`tracewright fleet down --name ${fleet}\` takes it away.`,
  ].join('\n\n');
}

/** `2026-01-31 12:00 UTC` */
function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `12:00:31 UTC` */
function clock(at: number): string {
  return `${new Date(at).toISOString().slice(11, 19)} UTC`;
}

/** Tells the Web UI every change, and the search attributes (an event of the history each time) only a new phase. */
export function publisher(): (progress: Progress) => void {
  let published: Phase | undefined;
  return (progress) => {
    setCurrentDetails(currentDetails(progress));
    if (progress.phase === published) return;
    published = progress.phase;
    upsertSearchAttributes(searchAttributesOf(progress));
  };
}

/** What Markdown or HTML would take for itself. */
const special = /[\\*_<>[\]|#~]/gu;

/** Text of helm or a pod as it is; what stands between backticks stays code. One line. */
export function plain(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .split(/(`[^`]*`)/u)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(special, '\\$&').replaceAll('`', '\\`')))
    .join('');
}

/** Lines as they are, as one block. */
export function fenced(lines: readonly string[]): string {
  const longest = Math.max(2, ...lines.flatMap((line) => line.match(/`+/gu) ?? []).map((it) => it.length));
  const fence = '`'.repeat(longest + 1);
  return [fence, ...lines, fence].join('\n');
}

/** A cell of a table. The Web UI draws tables without room between their columns: two wide spaces make it. */
export function cell(text: string): string {
  return ` ${text}\u2003`;
}
