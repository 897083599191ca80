import { answerText } from '../cluster-access.js';
import { clockToleranceMs } from '../run.js';
import { tempoAt, type Tempo } from '../tempo.js';
import type { TempoFacts } from './facts.js';
import type { FactsRequest } from './facts-request.js';
import { linesOf, readPart, type Part } from './read-part.js';
import { unlessUnknown } from './reader.js';

/** Tempo, whether it is ready, and what it answers about the trace now. */
export async function readTempo(request: FactsRequest): Promise<Omit<TempoFacts, 'received' | 'discarded'>> {
  const { read, kube, spec, ride, signal } = request;
  const tempo = tempoAt(kube, spec.tempo);
  const [{ service, workload, pods }, ready, byId, search] = await Promise.all([
    readPart(read, spec.tempo),
    unlessUnknown(() => kube.serviceRequest(spec.tempo, '/ready', { timeoutMs: 5_000, signal })),
    ride && unlessUnknown(async () => (await tempo.traceById(ride.identity.traceId, signal)) !== undefined),
    ride && searches(tempo, request, ride),
  ]);
  return {
    service,
    workload,
    ready: ready && { status: ready.status, text: ready.status === 200 ? 'ready' : answerText(ready) },
    byId,
    search,
    errors: await readErrors(request, pods),
  };
}

async function searches(
  tempo: Tempo,
  { spec, signal }: FactsRequest,
  { identity, startMs }: NonNullable<FactsRequest['ride']>,
): Promise<TempoFacts['search']> {
  const window = {
    startSeconds: (startMs - clockToleranceMs) / 1_000,
    endSeconds: (Date.now() + clockToleranceMs) / 1_000,
    limit: 200,
  };
  const finds = (query: string): Promise<boolean | undefined> =>
    unlessUnknown(async () =>
      (await tempo.search(query, signal, window)).some(({ traceId }) => traceId === identity.traceId),
    );
  const [stack, any] = await Promise.all([finds(spec.traceql), finds('{}')]);
  return stack === undefined || any === undefined ? undefined : { stack, any };
}

async function readErrors(
  { read, spec, ride }: FactsRequest,
  pods: Part['pods'],
): Promise<readonly string[]> {
  const [pod] = pods;
  if (!pod || !ride) return [];
  const text = await read.text(`/api/v1/namespaces/${spec.tempo.namespace}/pods/${pod.metadata.name}/log`, {
    sinceTime: new Date(ride.startMs - clockToleranceMs).toISOString(),
    tailLines: 200,
  });
  return linesOf(text ?? '')
    .filter((line) => /level=(?:error|warn)/u.test(line))
    .slice(-3);
}
