import type { TraceIdentity } from './root-span.js';

/** What the log of the collector says about one trace. */
export interface LoggedTrace {
  /** Our own root span is there: the OTLP receiver and the pipeline work. */
  readonly own: boolean;
  /** How many of the others: those of HotROD, through its own receiver. */
  readonly others: number;
  /** Lines in which the collector says that it cannot pass spans on, the newest last. */
  readonly exportErrors: readonly string[];
}

/**
 * Finds the spans of a trace in what the `logging` exporter (`debug` from 0.86 on) prints with details:
 *
 *     Trace ID       : 5b8aa5a2d2c872e8321cf37308d69df2
 *     Parent ID      : 051581bf3cb55c13
 *     ID             : 5fb397be34d26b51
 */
export function findLoggedTrace(log: string, { traceId, rootSpanId }: TraceIdentity): LoggedTrace {
  const block = new RegExp(`Trace ID\\s*: ${traceId}\\s[\\s\\S]{0,400}?[^t] ID\\s*: ([0-9a-f]{16})`, 'giu');
  const ids = new Set([...log.matchAll(block)].map((match) => match[1]?.toLowerCase()));
  const own = ids.delete(rootSpanId);
  return { own, others: ids.size, exportErrors: exportErrors(log) };
}

/** The message of the collector's exporters, with the cause that it gives as JSON. */
function exportErrors(log: string): string[] {
  const errors = log
    .split('\n')
    .filter((line) => line.includes('Exporting failed'))
    .map((line) => /"error": "((?:[^"\\]|\\.)*)"/u.exec(line)?.[1] ?? line)
    .map((text) => text.slice(0, 300));
  return [...new Set(errors)].slice(-3);
}
