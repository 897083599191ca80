import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import { checkTitles, findingLine, type Check, type CheckName, type HopState } from '../domain/proof.js';
import type { CheckContext } from './run.js';

/** One place that a trace must pass. */
export interface Hop {
  readonly name: CheckName;
  /** Why it is not looked at. */
  readonly skip?: string;
  /** @returns what was seen */
  readonly check: (context: CheckContext) => Promise<string>;
}

interface HopsOptions {
  /** In the order in which a trace passes them. */
  readonly hops: readonly Hop[];
  /** What the stack calls its trace store. */
  readonly store: string;
  /** What was checked already; part of the result and of the evidence. */
  readonly before: Check;
  readonly signal: AbortSignal;
  readonly onProgress?: (text: string, hops: readonly HopState[]) => void;
}

interface Finding extends Check {
  readonly error?: TracewrightError;
  /** An earlier hop was broken, so nothing was to be learnt here any more. */
  readonly givenUp?: boolean;
}

/**
 * Looks at all hops together. When one is broken, those behind it are given up; those before it are still waited for,
 * as only the first broken hop says where to repair.
 * @returns the checks, none of them failed
 * @throws TracewrightError of the first broken hop, with all findings as evidence
 */
export async function runHops({
  hops,
  store,
  before,
  signal,
  onProgress,
}: HopsOptions): Promise<readonly Check[]> {
  const stops = hops.map(() => new AbortController());
  const report = progressOf(hops, { store, before, onProgress });
  const findings = await Promise.all(
    hops.map(async (hop, index): Promise<Finding> => {
      const own = stops[index]?.signal ?? signal;
      const context = {
        signal: AbortSignal.any([signal, own]),
        note: (seen: string) => {
          report({ name: hop.name, state: 'running', text: seen });
        },
      };
      const finding = await find(hop, context, own);
      if (finding.state === 'failed') for (const later of stops.slice(index + 1)) later.abort();
      report(stateOf(finding));
      return finding;
    }),
  ).catch((error: unknown) => {
    for (const stop of stops) stop.abort();
    throw error;
  });
  const broken = findings.find((finding) => finding.state === 'failed' && !finding.givenUp);
  if (broken?.error) throw withEvidence(broken.error, [before, ...findings], store);
  return [
    before,
    ...findings.map(({ name, state, detail, reason, tookMs }) => ({
      name,
      state,
      detail,
      ...(reason !== undefined && { reason }),
      tookMs,
    })),
  ];
}

async function find({ name, skip, check }: Hop, context: CheckContext, own: AbortSignal): Promise<Finding> {
  if (skip !== undefined) return { name, state: 'skipped', detail: 'not looked at', reason: skip, tookMs: 0 };
  const began = performance.now();
  const took = (): number => Math.round(performance.now() - began);
  let last = 'nothing';
  const note = (seen: string): void => {
    last = seen;
    context.note(seen);
  };
  try {
    return { name, state: 'passed', detail: await check({ ...context, note }), tookMs: took() };
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    if (context.signal.aborted && !own.aborted) throw error;
    return {
      name,
      state: 'failed',
      detail: last,
      reason: error.message,
      tookMs: took(),
      error,
      givenUp: own.aborted,
    };
  }
}

/** What was learnt of a hop. */
function stateOf({ name, state, detail, reason, tookMs, givenUp }: Finding): HopState {
  if (givenUp) return { name, state: 'waits', text: `last seen: ${detail}`, tookMs };
  return { name, state, text: reason ?? detail, tookMs };
}

/** One line that names each hop which is still looked at, and the state of all; told only when it changes. */
function progressOf(
  hops: readonly Hop[],
  {
    store,
    before,
    onProgress,
  }: Pick<HopsOptions, 'store' | 'before'> & { readonly onProgress: HopsOptions['onProgress'] | undefined },
): (state: HopState) => void {
  const titles = checkTitles(store);
  const states = new Map<CheckName, HopState>(
    hops.map(({ name, skip }) => [
      name,
      skip === undefined
        ? { name, state: 'running', text: 'looking' }
        : { name, state: 'skipped', text: skip },
    ]),
  );
  let told = '';
  return (state) => {
    states.set(state.name, state);
    const open = [...states.values()].filter((it) => it.state === 'running');
    const text = open.map((it) => `${titles[it.name]}: ${it.text}`).join(' · ');
    if (text !== '' && text !== told) onProgress?.(text, [stateOf(before), ...states.values()]);
    told = text;
  };
}

function withEvidence(
  error: TracewrightError,
  findings: readonly Finding[],
  store: string,
): TracewrightError {
  const traceIsWhole = findings.some(
    (finding) => finding.name === 'tempo-by-id' && finding.state === 'passed',
  );
  const { type, message, retryable } = error;
  // Spans that reach Tempo have passed the collector: then it is only the log that lacks them.
  const remedy =
    type === 'proof.collector-silent' && traceIsWhole
      ? `${store} has the whole trace, so the spans do pass the collector, and only its log lacks them. ${error.remedy}`
      : error.remedy;
  return new TracewrightError({
    type,
    message,
    remedy,
    retryable,
    // First where the trace has come to, then what the broken hop says of it.
    evidence: [...findings.map((finding) => findingText(finding, store)), ...error.evidence],
    cause: error,
  });
}

function findingText(finding: Finding, store: string): string {
  // The reason of a failure is the message of the error that these lines are the evidence of.
  return findingLine({ ...stateOf(finding), ...(!finding.givenUp && { text: finding.detail }) }, store);
}
