import { durationMs } from './duration.js';
import type { Step } from './plan.js';

const minute = 60_000;

/**
 * How long the server waits beyond the deadline of an attempt: for a tool that has to be ended (see `toolGraceMs`), for
 * the events and logs that go with its failure, and for the report of it.
 */
const reportMs = 2 * minute;

/**
 * A tool with a time limit of its own gets so much more to end by itself, with the better error, before it is ended.
 */
export const toolGraceMs = 30_000;

/** The longest part is the first build of the embedded cluster: about 10 minutes on 2 cores. */
const clusterMs = 60 * minute;
/** Of the proof itself; before it a cluster that has stopped is started again, which may mean to build it. */
export const proofMs = 5 * minute;
/** Download of the chart, rendering, sending hundreds of objects: what comes before anything gets ready. */
const preparationMs = 4 * minute;
/** Each object that goes has 2 minutes for its finalizers, after those that hang on it. */
const removalMs = 8 * minute;
/**
 * One look at a component asks for what it waits for at most 10 s; helm renders, and charts may have to be downloaded.
 */
export const observationMs = 2 * minute;

/**
 * How long one attempt of a step may take, in milliseconds.
 * @param timeout the component's, such as `5m`: for its hooks and its readiness together
 */
export function attemptMs(step: Step, timeout = '5m', removes = step.removes === true): number {
  switch (step.kind) {
    case 'cluster':
      return clusterMs;
    case 'verification':
      return clusterMs + proofMs;
    case 'release':
    case 'manifests':
      return removes ? removalMs : preparationMs + durationMs(timeout);
  }
}

/** After this time the server takes an attempt for lost; its own deadline is earlier. */
export function serverLimitMs(attempt: number): number {
  return attempt + reportMs;
}

/** The other way round: what an attempt may use of the time that the server gives it. Never less than half. */
export function usableMs(serverLimit: number): number {
  return Math.max(serverLimit - reportMs, serverLimit / 2);
}

/** The end of one attempt of a step. All that the attempt waits for takes its time from it. */
export interface Deadline {
  /** Milliseconds that are left, at most `atMost`; 0 when it is over. */
  leftMs(atMost?: number): number;
}

/** @param now a clock in milliseconds, that nobody sets */
export function deadlineIn(ms: number, now: () => number = () => performance.now()): Deadline {
  const end = now() + ms;
  return {
    leftMs: (atMost = Infinity) => Math.max(0, Math.min(atMost, end - now())),
  };
}
