import type { Progress, StepState } from '../domain/progress.js';

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
  if (progress.proof)
    parts.push(`Proved by trace \`${progress.proof.traceId}\` with ${String(progress.proof.spans)} spans.`);
  return parts.join('\n\n');
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
