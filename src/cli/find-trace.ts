import { existsSync } from 'node:fs';
import { WorkflowNotFoundError } from '@temporalio/client';
import { countOf, durationMs } from '../domain/duration.js';
import { TracewrightError } from '../domain/failure.js';
import { longestOf, type SearchHit } from '../domain/proof.js';
import type { Trace } from '../domain/trace.js';
import { latestInstall } from '../install-trace/read.js';
import { installTrace } from '../install-trace/spans.js';
import { storeText } from '../proof/cluster-access.js';
import { oneLine, type Tempo, tempoAt } from '../proof/tempo.js';
import { databasePath } from '../temporal/server-process.js';
import type { CliContext } from './context.js';
import { chooseEnvironment } from './environments.js';
import { noEnvironment, notFound } from './refusals.js';
import { openExistingSession, openSession } from './session.js';
import type { EnvironmentCluster } from './with-cluster.js';

/** Which trace somebody wants to see. By default that of the last proof. */
export interface TraceWish {
  /** 32 hexadecimal digits. */
  id?: string;
  /** Search with the TraceQL of the stack. */
  longest?: boolean;
  /** Search with this TraceQL, and list the hits. */
  query?: string;
  /** Of a search: at most so many hits. @default 20 with `query`, which lists them; 200 with `longest` */
  limit?: number;
  /** Of a search: how far it looks back. @default 1h: Tempo 2.0 takes no more unless it is told to */
  since?: string;
}

export interface FoundTrace {
  readonly trace: Trace;
  /** Which one it is, for people. */
  readonly what: string;
  /** The answer of a search, the longest trace first. */
  readonly hits?: readonly SearchHit[];
}

/**
 * Asks the environment's Tempo.
 * @throws TracewrightError `trace.not-found`, `proof.trace-missing`, `proof.search-silent`, `cluster.*`
 */
export async function findTrace(
  it: EnvironmentCluster,
  wish: TraceWish,
  signal: AbortSignal,
): Promise<FoundTrace> {
  const { progress, spec } = it;
  const { proof } = spec.stack;
  const tempo = tempoAt(it.kube(), proof.tempo);
  const query = wish.query ?? (wish.longest ? proof.traceql : undefined);
  if (query !== undefined) return search(tempo, query, wish, signal);
  const wanted = wish.id ?? progress.proof?.traceId;
  if (wanted === undefined) throw notProved(it.environment);
  const trace = await tempo.traceById(wanted, signal);
  if (trace) return { trace, what: wish.id === undefined ? 'the trace of the last proof' : 'the trace' };
  throw new TracewrightError({
    type: 'trace.not-found',
    message: `${storeText(proof.tempo)} does not know the trace ${wanted}.`,
    remedy:
      'A new trace is there after some seconds, an old one is forgotten. `tracewright trace --longest` shows one that is there.',
  });
}

async function search(
  tempo: Tempo,
  query: string,
  wish: TraceWish,
  signal: AbortSignal,
): Promise<FoundTrace> {
  const since = wish.since ?? '1h';
  const now = Date.now();
  const window = {
    startSeconds: (now - durationMs(since)) / 1_000,
    // Clocks of other machines may be ahead.
    endSeconds: now / 1_000 + 60,
    limit: wish.limit ?? (wish.query === undefined ? 200 : 20),
  };
  const hits = [...(await tempo.search(query, signal, window))].sort((a, b) => b.durationMs - a.durationMs);
  const longest = longestOf(hits);
  const trace = longest && (await tempo.traceById(longest.traceId, signal));
  if (longest && !trace) {
    throw new TracewrightError({
      type: 'trace.not-found',
      message: `${oneLine(query)} finds ${countOf(hits.length, 'trace')} of the last ${since}, but by its id the longest, ${longest.traceId}, is not there.`,
      remedy:
        'The search still lists a trace that was forgotten since, or the trace has not come whole. Ask again after some seconds, or for another one by its id.',
    });
  }
  if (trace) {
    return {
      trace,
      // A search may answer from a part of a trace, without its root.
      hits: hits.map((hit) => (hit === longest ? { ...hit, ...summaryOf(trace) } : hit)),
      what: `the longest of ${countOf(hits.length, 'trace')} of the last ${since} that ${oneLine(query)} finds`,
    };
  }
  throw new TracewrightError({
    type: 'trace.not-found',
    message: `${oneLine(query)} finds no trace of the last ${since}.`,
    remedy:
      '`tracewright verify` makes one with a ride; --since looks further back. A new trace is found after about 20 s.',
  });
}

function summaryOf({ rootService, rootName, durationMs: ms }: Trace): Partial<SearchHit> {
  return { rootService, rootName, durationMs: ms };
}

function notProved(environment: string): TracewrightError {
  return new TracewrightError({
    type: 'trace.not-found',
    message: `${environment} has not been proved yet, so that it has no trace of a proof.`,
    remedy: 'Give the id of a trace, or search with --longest or --query.',
  });
}

/**
 * The trace of the latest install of an environment, made of the history of its workflow: also of one that runs, was
 * stopped in the middle, or whose trace store is gone. What the trace store has under the same id is the same.
 * @param name of the environment, which may be removed; `undefined` for the only one that is not
 * @throws TracewrightError `environment.not-found`, `trace.not-found`, `usage.invalid`, `temporal.*`
 */
export async function findInstall(context: CliContext, name: string | undefined): Promise<FoundTrace> {
  // The server that has ended with the last environment has kept the histories; it ends by itself again.
  const isKept = name !== undefined && existsSync(databasePath(context.config.stateDir));
  const session = (await openExistingSession(context)) ?? (isKept ? await openSession(context) : undefined);
  if (!session) throw noEnvironment(name);
  try {
    const environment = await chooseEnvironment(session.client, name);
    const run = await latestInstall(session.client, environment).catch((error: unknown) => {
      throw error instanceof WorkflowNotFoundError ? notFound(environment) : error;
    });
    if (!run) throw notKept(environment);
    const what = `the ${run.kind} of ${environment}${run.endedAt === undefined ? ', which runs' : ''}`;
    return { trace: installTrace(run, Date.now()), what };
  } finally {
    await session.close();
  }
}

function notKept(environment: string): TracewrightError {
  return new TracewrightError({
    type: 'trace.not-found',
    message: `The Temporal server has no history of an install of ${environment}.`,
    remedy: 'Histories are kept for a while only. `tracewright up` makes a new one.',
  });
}
