import type { ProofSpec } from '../domain/stack.js';
import type { ProofKube } from './cluster-access.js';
import type { TraceIdentity } from './root-span.js';

/** How long each hop may take, in milliseconds. They cover latency of a stack that works, on a slow machine. */
export interface ProofLimits {
  /** HotROD's answer. With the tutorial's limit of 100m CPU a ride takes seconds. */
  readonly rideMs: number;
  /** For HotROD to find its own services after its start. */
  readonly rideStartMs: number;
  /** From the ride to its spans in the collector's log: HotROD sends them in batches, every 5 s. */
  readonly collectorMs: number;
  /** From the ride to the whole trace in Tempo by id. */
  readonly byIdMs: number;
  /** How long to wait for spans whose children are there already: one more batch. */
  readonly settleMs: number;
  /** From the ride to the answer of the search: 10–20 s in Tempo 2.0, more than 30 s in Tempo 3. */
  readonly searchMs: number;
  /** For Grafana, after Tempo itself has answered. */
  readonly grafanaMs: number;
}

export const defaultLimits: ProofLimits = {
  rideMs: 30_000,
  rideStartMs: 10_000,
  collectorMs: 30_000,
  byIdMs: 30_000,
  settleMs: 6_000,
  searchMs: 60_000,
  grafanaMs: 20_000,
};

/** What all checks of one verification share. */
export interface ProofRun {
  readonly kube: ProofKube;
  readonly spec: ProofSpec;
  readonly stackName: string;
  readonly identity: TraceIdentity;
  /** Of the ride, in milliseconds since 1970. */
  readonly rideStartMs: number;
  readonly rideEndMs: number;
  readonly limits: ProofLimits;
}

/** What one check gets to know of the others, and tells. */
export interface CheckContext {
  readonly signal: AbortSignal;
  /** What is seen so far, for the live view. */
  readonly note: (seen: string) => void;
}

/** Clocks of this machine and of the cluster may differ by so much, in milliseconds, without harm to the proof. */
export const clockToleranceMs = 60_000;
