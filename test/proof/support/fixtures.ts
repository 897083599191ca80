import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Trace } from '../../../src/domain/trace.js';
import { parseTrace } from '../../../src/domain/trace-json.js';

/**
 * Recorded from the programs of the embedded stack (HotROD 1.42.0, collector 0.73.0, Tempo of May 2023), one ride:
 * `hotrod-ride.tempo` is the answer to /api/traces/…, `search.tempo` the one to the tutorial's TraceQL,
 * `collector-log.txt` the first four of its spans in the collector's log.
 */
export function fixturePath(name: 'hotrod-ride.tempo' | 'search.tempo' | 'collector-log.txt'): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

export const rideTraceId = '1a0772331f3dbd39ddb12ecc4527a464';
export const rideRootSpanId = '167b6181fb036a3f';

export function rideTrace(): Trace {
  const trace = parseTrace(readFileSync(fixturePath('hotrod-ride.tempo'), 'utf8'));
  if (!trace) throw new Error('The recorded trace is empty.');
  return trace;
}
