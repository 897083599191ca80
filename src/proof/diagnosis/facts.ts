import type { FailureType } from '../../domain/failure.js';
import type { ProofSpec } from '../../domain/stack.js';
import type { ProofKube } from '../cluster-access.js';
import type { LoggedTrace } from '../check-collector.js';
import type { TraceIdentity } from '../root-span.js';
import type { CollectorConfig } from './collector-config.js';
import type { CollectorCounts, Counters } from './counters.js';
import type { EndpointUse, ServiceFacts } from './endpoint.js';
import type { Reader } from './reader.js';

/**
 * What was seen of the stack after its proof had failed. Wherever something could not be found out (no right to read
 * it, no answer in time), it is `undefined`: no verdict may be built on that.
 */
export interface HopFacts {
  readonly spec: ProofSpec;
  /** What the verification itself found. */
  readonly broken: FailureType;
  readonly hotrod: HotrodFacts;
  readonly collector: CollectorFacts;
  readonly tempo: TempoFacts;
  /** `undefined` also where the stack has no Grafana. */
  readonly grafana: GrafanaFacts | undefined;
  /** What somebody has changed in the objects that the stack file has: what `up` would put back. @default unknown */
  readonly changes?: readonly ObjectChange[] | undefined;
}

export interface ObjectChange {
  /** Of the object; `undefined` where it has none. */
  readonly namespace: string | undefined;
  /** `OpenTelemetryCollector otel-system/otel-collector differs in spec.config`; never values. */
  readonly text: string;
}

/** A Service and what stands behind it. */
export interface PartFacts {
  /** `undefined`: unknown; `absent`: there is none. */
  readonly service: ServiceFacts | 'absent' | undefined;
  readonly workload: WorkloadFacts | 'absent' | undefined;
}

export interface WorkloadFacts {
  /** `deployment/example-hotrod`: as kubectl takes it. */
  readonly name: string;
  /** Who made it: `OpenTelemetryCollector otel-collector`. */
  readonly owner: string | undefined;
  readonly replicas: number;
  /** The first container: the images and variables that matter are in it. */
  readonly image: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Its pods have other containers: what listens on their loopback address may be one of them. */
  readonly hasSidecars?: boolean;
  readonly pods: readonly PodFacts[];
}

export interface PodFacts {
  readonly name: string;
  readonly ready: boolean;
  /** What it is busy with or suffers from: `container tempo crashed 3 times (exit code 1)`. */
  readonly trouble: string | undefined;
  /** The last lines of its crashed container. */
  readonly lastLines: readonly string[];
}

export interface HotrodFacts extends PartFacts {
  /** The exporter that it says it uses: `jaeger`, `otlp`. */
  readonly exporterInLog: string | undefined;
  /** Where its spans should go, by its image and variables. */
  readonly target: EndpointUse | undefined;
  /** Lines about spans that it could not send, since the ride. */
  readonly exportErrors: readonly string[];
}

export interface CollectorFacts extends PartFacts {
  /** Of a sidecar that no pod has: one of the pods, and the containers that it has instead. */
  readonly without?: { readonly pod: string; readonly containers: readonly string[] } | undefined;
  readonly config: CollectorConfig | undefined;
  readonly logged: LoggedTrace | undefined;
  /** Spans since shortly before the ride. */
  readonly counts: CollectorCounts | undefined;
  /** Where the exporters of its traces pipelines send to, by the name of the exporter. */
  readonly targets: readonly (EndpointUse & { readonly exporter: string })[];
  /** Exporters of those pipelines that may send to the trace store or may not: nobody can tell, and why. */
  readonly unjudged?: readonly string[];
}

export interface TempoFacts extends PartFacts {
  /** What Tempo itself answers to `/ready`. */
  readonly ready: { readonly status: number; readonly text: string } | undefined;
  /** Spans since shortly before the ride. */
  readonly received: number | undefined;
  /** Spans that it threw away since then, by its reason: `rate_limited`. */
  readonly discarded: Readonly<Record<string, number>>;
  /** Whether it knows the trace by its id, now. */
  readonly byId: boolean | undefined;
  /** How many spans of the trace each service has in it, now. */
  readonly services: Readonly<Record<string, number>> | undefined;
  /** Whether a search finds the trace now: that of the stack, and one that asks for nothing. */
  readonly search: { readonly stack: boolean; readonly any: boolean } | undefined;
  /** Warnings and errors in its log since the ride. */
  readonly errors: readonly string[];
}

export interface GrafanaFacts extends PartFacts {
  /** The datasources that Grafana is provisioned with, by name; none when they are kept elsewhere. */
  readonly datasources: readonly (EndpointUse & { readonly name: string })[];
}

/** What the readers of facts are given. */
export interface FactsRequest {
  readonly read: Reader;
  readonly kube: ProofKube;
  readonly spec: ProofSpec;
  /** What the verification itself found. */
  readonly broken: FailureType;
  /** `undefined` when there was none. */
  readonly ride: { readonly identity: TraceIdentity; readonly startMs: number } | undefined;
  /** For logs: from when on their lines are about the ride. `undefined` when there was none. */
  readonly logsSince: string | undefined;
  /** From shortly before the ride. */
  readonly before: Counters;
  readonly signal: AbortSignal;
}

/** Which hop is broken, why, and the fix. */
export interface Verdict {
  readonly type: Extract<FailureType, `hop.${string}`>;
  readonly message: string;
  readonly remedy: string;
  /** It may pass by itself. A wrong configuration does not. */
  readonly retryable: boolean;
  /** What shows it, the most telling first: a terminal has no room for all. One text a line. */
  readonly evidence: readonly string[];
}

/** Makes the verdicts on one kind of broken hop; without `retryable` they do not pass by themselves. */
export function verdictsOn(
  type: Verdict['type'],
): (message: string, remedy: string, evidence: Verdict['evidence'], retryable?: boolean) => Verdict {
  return (message, remedy, evidence, retryable = false) => ({ type, message, remedy, retryable, evidence });
}
