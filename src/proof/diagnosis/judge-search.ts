import { addressText } from '../cluster-access.js';
import type { HopFacts } from './facts.js';
import type { Verdict } from './verdict.js';

/** Tempo has the trace by its id, but the search of the stack does not find it. */
export function judgeSearch({ spec, tempo }: HopFacts): Verdict | undefined {
  const { search } = tempo;
  if (!search || tempo.byId === false) return undefined;
  const where = `Tempo at ${addressText(spec.tempo)}`;
  if (search.any && !search.stack)
    return verdict(
      `The search of the stack does not fit the spans: ${where} finds the trace with {}, but not with ${spec.traceql}.`,
      'Correct proof.traceql in the stack file. Newer HotRODs have span.http.response.status_code instead of span.http.status_code.',
      false,
    );
  if (search.stack)
    return verdict(
      `The search of ${where} lags behind: it finds the trace by now, but took longer than the verification waits.`,
      'Verify again. If it stays so, look whether Tempo is short of CPU, and lower trace_idle_period and flush_check_period of its ingester.',
      true,
    );
  return verdict(
    `The search of ${where} lags behind: by its id the trace is there, but no search finds it yet.`,
    'Wait and verify again: Tempo 2 takes 10 to 20 s, Tempo 3 hides the newest 30 s. If it stays so, lower trace_idle_period and flush_check_period of its ingester.',
    true,
  );
}

function verdict(message: string, remedy: string, retryable: boolean): Verdict {
  return { type: 'hop.search', message, remedy, retryable, decidedBy: ['tempo-trace'] };
}
