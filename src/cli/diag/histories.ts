import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { grpcCodeOf, grpcStatus } from '../../temporal/grpc-status.js';
import { decryptRaw } from '../../temporal/payloads/data-converter.js';
import { attributesOf, decodePayloads, type HistoryEvent, timelineOf } from './timeline.js';
import { ask, type DiagFile, type Findings, merge, type Missing } from './part.js';
import { secretsIn } from './secrets.js';

/** A history may be megabytes. In milliseconds. */
const latestMs = 25_000;
const earlierMs = 20_000;

interface Histories {
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

/** One run of a workflow: continue-as-new ends it, and begins the next one with an empty history. */
export interface Run {
  readonly runId: string;
  /** Payloads decoded. */
  readonly events: readonly HistoryEvent[];
}

/** The newest run is taken whole, whatever its size. */
interface ChainLimits {
  readonly runs: number;
  /** Of all histories, as they stand in the archive. */
  readonly bytes: number;
}

/** Temporal suggests to continue as new at 4,096 events or 4 MB, so a few full runs, or many short ones. */
const defaultLimits: ChainLimits = { runs: 20, bytes: 32_000_000 };

/** The run that is there now; of an environment that is no more, its last one. */
async function latestRun(client: Client, workflowId: string): Promise<Run> {
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  return readRun(client, workflowId, runId);
}

/**
 * The runs that `latest` continues, the newest first. Each names the one before in its first event: that is exact,
 * while the server's index of workflows may lag behind, or be off.
 * @param take gets each one as soon as it is read
 * @returns what was left out, or is gone
 */
async function takeEarlierRuns(
  client: Client,
  workflowId: string,
  latest: Run,
  take: (run: Run) => void,
  limits: ChainLimits = defaultLimits,
): Promise<Missing[]> {
  let runs = 1;
  let bytes = historyText(latest).length;
  for (let runId = runBefore(latest); runId !== undefined;) {
    const what = `the history of the run ${runId}, and of those before it`;
    if (runs === limits.runs) return [{ what, why: tooMuch(workflowId, runId, limits) }];
    const run = await readRun(client, workflowId, runId).catch((error: unknown) => {
      if (grpcCodeOf(error) !== grpcStatus.notFound) throw error;
    });
    // Runs that ended go when the retention time of the namespace is over.
    if (!run) return [{ what, why: 'the Temporal server keeps it no longer' }];
    bytes += historyText(run).length;
    if (bytes > limits.bytes) return [{ what, why: tooMuch(workflowId, runId, limits) }];
    take(run);
    runs += 1;
    runId = runBefore(run);
  }
  return [];
}

async function readRun(client: Client, workflowId: string, runId: string): Promise<Run> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const { events } = JSON.parse(historyToJSON(history)) as { events: HistoryEvent[] };
  const decrypt = async (payload: Payload): Promise<Payload> =>
    (await decryptRaw(client, [payload]))[0] ?? payload;
  return { runId, events: (await decodePayloads(events, decrypt)) as HistoryEvent[] };
}

function runBefore({ events: [started] }: Run): string | undefined {
  const runId = started && attributesOf(started)['continuedExecutionRunId'];
  return typeof runId === 'string' && runId !== '' ? runId : undefined;
}

function historyText({ events }: Run): Buffer {
  return Buffer.from(JSON.stringify({ events }, undefined, 2));
}

function tooMuch(workflowId: string, runId: string, { runs, bytes }: ChainLimits): string {
  const limit = `${String(runs)} runs or ${String(bytes / 1_000_000)} MB are taken at most`;
  return `${limit}; \`temporal workflow show --workflow-id ${workflowId} --run-id ${runId} --output json\` prints it`;
}
