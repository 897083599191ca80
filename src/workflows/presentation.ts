import type { ComponentDrift, Progress, StepState } from '../domain/progress.js';

const stateWords = {
  pending: 'waiting',
  running: '**running**',
  done: 'done',
  blocked: '**BLOCKED**',
  failed: '**FAILED**',
  skipped: 'skipped',
  cancelled: 'cancelled',
  removing: '**removing**',
  removed: 'removed',
} as const satisfies Record<StepState, string>;

/** What the Web UI shows as current details: the steps as a Markdown table, and what to do about a block. */
export function currentDetails(progress: Progress): string {
  const rows = progress.steps.map((step) => {
    const seconds =
      step.startedAt !== undefined && step.endedAt !== undefined
        ? `${((step.endedAt - step.startedAt) / 1000).toFixed(1)} s`
        : '';
    return `| ${step.name} | ${stateWords[step.state]} | ${step.outcome ?? step.failure?.type ?? ''} | ${seconds} |`;
  });
  const parts = [
    `### ${progress.environment}: ${progress.phase}`,
    `Stack **${progress.stack}** on target **${progress.target}**`,
    ['| Step | State | Outcome | Took |', '|---|---|---|---|', ...rows].join('\n'),
    ...progress.steps
      .filter((step) => step.failure)
      .map((step) => blockText(progress.environment, step.name, step.failure)),
  ];
  if (progress.stoppedBecause !== undefined) parts.push(`Stopped: ${progress.stoppedBecause}`);
  if (progress.proof) {
    const { traceId, spans } = progress.proof;
    const at = progress.lastVerifiedAt === undefined ? '' : `, ${moment(progress.lastVerifiedAt)}`;
    parts.push(`Proved by trace \`${traceId}\` with ${String(spans)} spans${at}.`);
  }
  return [...parts, ...lifeTexts(progress)].join('\n\n');
}

function lifeTexts(progress: Progress): string[] {
  const { environment, paused, expiresAt, nextVerificationAt, drift, driftObservedAt } = progress;
  return [
    ...(paused ? [`**Paused:** no new step starts until \`tracewright resume --name ${environment}\`.`] : []),
    ...(nextVerificationAt === undefined ? [] : [`Next verification: ${moment(nextVerificationAt)}`]),
    ...(expiresAt === undefined
      ? []
      : [`Torn down by itself: ${moment(expiresAt)} (\`tracewright extend --name ${environment}\`)`]),
    ...(drift && driftObservedAt !== undefined ? [driftText(drift, driftObservedAt)] : []),
  ];
}

function driftText(drift: readonly ComponentDrift[], at: number): string {
  const different = drift.filter(({ state }) => state !== 'in-sync');
  if (different.length === 0) return `No drift, ${moment(at)}.`;
  const rows = different.map(({ component, state, detail }) => `- ${component}: **${state}**. ${detail}`);
  return [`#### Drift, ${moment(at)}`, rows.join('\n')].join('\n\n');
}

/** `2026-01-31 12:00 UTC` */
function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function blockText(environment: string, step: string, failure: Progress['steps'][number]['failure']): string {
  if (!failure) return '';
  const evidence = failure.evidence ? ['```', ...failure.evidence, '```'] : [];
  return [
    `#### ${step} is blocked: \`${failure.type}\``,
    failure.message,
    ...evidence,
    `**What to do:** ${failure.remedy}`,
    `Then \`tracewright retry ${step} --name ${environment}\`, or \`skip\`, \`abort\`, \`down\`.`,
  ].join('\n\n');
}
