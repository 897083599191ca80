import { setTimeout as sleep } from 'node:timers/promises';
import { shortfall } from '../../src/domain/proof.js';
import { isTracewrightError } from '../../src/domain/failure.js';
import type { ProofSpec } from '../../src/domain/stack.js';
import { services } from '../../src/domain/trace.js';
import { takeRide } from '../../src/proof/hotrod.js';
import { newTraceIdentity, ownService } from '../../src/proof/root-span.js';
import { tempoAt } from '../../src/proof/tempo.js';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';

/** Between two looks at the cluster, in milliseconds: small beside what is measured, and cheap. */
const lookMs = 250;
/** HotROD sends its spans every five seconds: a trace that is not there after this was lost on its way. */
const rideMs = 10_000;

/** Where the chain of an install is. */
export interface Watched {
  readonly kube: Kubernetes;
  readonly proof: ProofSpec;
  readonly signal: AbortSignal;
}

/**
 * Waits for the first trace that is really there: when the Services of HotROD, collector and store have ready endpoints,
 * a ride is taken, and looked for in the store by its trace id until it has as many spans of as many services as the stack
 * promises; else the next ride. All of it through the API server, and the same for every contender.
 * @returns at which `performance.now()` it was found; throws when aborted
 */
export async function firstTrace(watched: Watched): Promise<number> {
  for (;;) {
    if ((await allServe(watched)) && (await isRideFound(watched))) return performance.now();
    await sleep(lookMs, undefined, { signal: watched.signal });
  }
}

/**
 * Waits for the middle of an install: the operator's Deployment exists, and no pod of it is ready.
 * @throws Error when it is ready at the first look, so that the middle was missed
 */
export async function operatorStarts({ kube, signal }: Omit<Watched, 'proof'>): Promise<void> {
  for (;;) {
    const path = '/apis/apps/v1/namespaces/otel-system/deployments/opentelemetry-operator';
    const found = await orAbsent(kube.json<{ status?: { readyReplicas?: number } }>({ path, signal }));
    if (found?.status?.readyReplicas) throw new Error('The operator was ready before anybody looked.');
    if (found) return;
    await sleep(lookMs / 5, undefined, { signal });
  }
}

async function allServe({ kube, proof, signal }: Watched): Promise<boolean> {
  for (const { namespace, service } of [proof.ride, proof.collector, proof.tempo]) {
    const answer = await orAbsent(
      kube.json<{ items?: { endpoints?: { conditions?: { ready?: boolean } }[] | null }[] }>({
        path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
        query: { labelSelector: `kubernetes.io/service-name=${service}` },
        signal,
      }),
    );
    const endpoints = (answer?.items ?? []).flatMap((slice) => slice.endpoints ?? []);
    if (!endpoints.some(({ conditions }) => conditions?.ready)) return false;
  }
  return true;
}

async function isRideFound({ kube, proof, signal }: Watched): Promise<boolean> {
  const taken = await orAbsent(
    takeRide({ kube, spec: proof.ride, newIdentity: newTraceIdentity, rideMs, startMs: 0, signal }),
  );
  if (!taken) return false;
  const store = tempoAt(kube, proof.tempo);
  const deadline = performance.now() + rideMs;
  while (performance.now() < deadline) {
    const trace = await orAbsent(store.traceById(taken.identity.traceId, signal));
    if (trace && !shortfall(services(trace), proof.expect, ownService)) return true;
    await sleep(lookMs, undefined, { signal });
  }
  return false;
}

/** What is not there yet, or does not answer yet, is no failure of an install that goes on. */
async function orAbsent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isTracewrightError(error)) return undefined;
    throw error;
  }
}
