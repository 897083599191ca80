import { errors, services, type Trace } from '../domain/trace.js';
import { countOf, formatMs } from './quantity.js';
import { printable } from './text-width.js';

/** What a trace is called: the service and name of its root. */
export function titleOf({ rootService, rootName }: Pick<Trace, 'rootService' | 'rootName'>): string {
  return printable(`${rootService} ${rootName}`);
}

/** `48 spans`, `6 services`, `704 ms`, and `2 errors` where there are some. */
export function factsOf(trace: Trace): string[] {
  const failed = errors(trace).length;
  return [
    countOf(trace.spans.length, 'span'),
    countOf(Object.keys(services(trace)).length, 'service'),
    formatMs(trace.durationMs),
    ...(failed > 0 ? [countOf(failed, 'error')] : []),
  ];
}
