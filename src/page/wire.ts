import type { Failure } from '../domain/failure.js';
import type { Phase, StepState } from '../domain/progress.js';
import type { HopState, SearchHit } from '../domain/proof.js';

/** What the page and its server say to each other, as JSON. */

/** What stays as long as the page is open. */
export interface PageFacts {
  readonly environment: string;
  readonly stack: string;
  /** What the stack calls its trace store. */
  readonly store: string;
  /** The TraceQL of the stack: the tutorial's last step. */
  readonly traceql: string;
  readonly customers: readonly { readonly id: number; readonly name: string }[];
  /** `Tracewright 0.1.0`. */
  readonly madeBy: string;
}

export interface SearchAnswer {
  /** The longest first. */
  readonly hits: readonly SearchHit[];
}

export interface RideAnswer {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** HotROD's name for the car. */
  readonly driver: string;
  readonly etaSeconds: number;
  /** How long HotROD took to answer, in milliseconds. */
  readonly durationMs: number;
}

/** The environment as `status` shows it. */
export interface StatusAnswer {
  readonly phase: Phase;
  readonly paused: boolean;
  readonly steps: readonly StepView[];
  /** From HotROD to the query. */
  readonly hops: readonly HopView[];
  /** How the last verification went, in one line; absent before the first. */
  readonly proof?: { readonly text: string; readonly traceId?: string; readonly at?: number };
}

export interface StepView {
  readonly name: string;
  readonly state: StepState;
  /** What it does, waits for, or did. */
  readonly text: string;
  /** In milliseconds; absent before it begins. */
  readonly tookMs?: number;
  readonly failure?: Pick<Failure, 'type' | 'message' | 'remedy'>;
}

export interface HopView extends HopState {
  readonly title: string;
  /** What to do about a broken one. */
  readonly remedy?: string;
}

/** The body of every answer that is not 200. */
export interface FailureAnswer extends Pick<Failure, 'type' | 'message' | 'remedy'> {
  readonly evidence?: readonly string[];
}
