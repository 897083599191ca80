import type { Client } from '@temporalio/client';
import { ask } from './ask.js';
import { secretsIn } from './known-secrets.js';
import { merge, type DiagFile, type Findings } from './part.js';
import { latestRun, takeEarlierRuns, type ChainLimits, type Run } from './run-chain.js';
import { timelineOf } from './timeline.js';

/** A history may be megabytes. In milliseconds. */
const latestMs = 25_000;
const earlierMs = 20_000;

export interface Histories {
  readonly findings: Findings;
  /** Undefined where it could not be read. */
  readonly latest: Run | undefined;
}

/**
 * The histories of the workflow's runs, and one timeline over all of them: what matters may have happened before the
 * last continue-as-new. Those that could be read go in, also when time is over before the rest of them.
 */
export async function collectHistories(
  client: Client,
  workflowId: string,
  limits?: ChainLimits,
): Promise<Histories> {
  const runs: Run[] = [];
  const take = (run: Run): void => void runs.push(run);
  const first = await ask(client, {
    what: 'the history of the workflow',
    limitMs: latestMs,
    put: async () => {
      take(await latestRun(client, workflowId));
      return {};
    },
  });
  const [latest] = runs;
  if (!latest) return { findings: merge([first]), latest };
  const rest = await ask(client, {
    what: 'the histories of earlier runs, or of some of them',
    limitMs: earlierMs,
    put: async () => ({ missing: await takeEarlierRuns(client, workflowId, latest, take, limits) }),
  });
  const found = { files: filesOf(runs), secrets: runs.flatMap(({ events }) => secretsIn(events)) };
  return { findings: merge([first, rest, found]), latest };
}

/** @param runs the newest first */
function filesOf(runs: readonly Run[]): DiagFile[] {
  const named = runs.map((run, age) => ({
    ...run,
    path: `environment/history${age === 0 ? '' : `-${String(age)}`}.json`,
    what:
      age === 0
        ? `the history of the workflow, payloads decoded: run ${run.runId}`
        : `the same of an earlier run, ${timesOf(run)}: run ${run.runId}`,
  }));
  return [
    {
      path: 'environment/timeline.txt',
      what: 'what happened when: a line for each event of the histories',
      content: timelineOf(named.toReversed()),
    },
    ...named.map(({ path, what, events }) => ({ path, what, content: { events } })),
  ];
}

function timesOf({ events }: Run): string {
  return `${events[0]?.eventTime ?? ''} to ${events.at(-1)?.eventTime ?? ''}`;
}
