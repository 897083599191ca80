import { services } from '../../domain/trace.js';
import { answerText, isFromApiServer } from '../cluster-access.js';
import { clockToleranceMs } from '../run.js';
import { tempoAt, type Tempo } from '../tempo.js';
import type { TempoFacts } from './facts.js';
import type { FactsRequest } from './facts-request.js';
import { linesOf, newestOf, readPart, type Part } from './read-part.js';
import { unlessUnknown } from './reader.js';

/** What Tempo says at each start, once a receiver. */
const startWarning = /0\.0\.0\.0 address exposes this server/u;

/** Tempo, whether it is ready, and what it answers about the trace now. */
export async function readTempo(request: FactsRequest): Promise<Omit<TempoFacts, 'received' | 'discarded'>> {
  const { read, kube, spec, ride, signal } = request;
  const tempo = tempoAt(kube, spec.tempo);
  const [part, trace, search] = await Promise.all([
    readPart(read, spec.tempo),
    ride && unlessUnknown(async () => (await tempo.traceById(ride.identity.traceId, signal)) ?? 'unknown'),
    ride && searches(tempo, request, ride),
  ]);
  const [ready, errors] = await Promise.all([readReady(request, part), readErrors(request, part.pods)]);
  return {
    service: part.service,
    workload: part.workload,
    ready,
    byId: trace && trace !== 'unknown',
    services: trace && trace !== 'unknown' ? services(trace) : undefined,
    search,
    errors,
  };
}

/** Asks the pod where the Service does not lead to it: to one that is not ready. */
async function readReady(
  { read, kube, spec, signal }: FactsRequest,
  { service, pods: [pod] }: Part,
): Promise<TempoFacts['ready']> {
  const { namespace, port } = spec.tempo;
  const podPort = service && service !== 'absent' ? service.podPorts[port] : undefined;
  const viaService = await unlessUnknown(() =>
    kube.serviceRequest(spec.tempo, '/ready', { timeoutMs: 5_000, signal }),
  );
  const answer =
    viaService && isFromApiServer(viaService) && pod && podPort !== undefined
      ? await read.answer(
          `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}:${String(podPort)}/proxy/ready`,
        )
      : viaService;
  if (!answer || isFromApiServer(answer)) return undefined;
  return { status: answer.status, text: answer.status === 200 ? 'ready' : answerText(answer) };
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
  { read, spec, logsSince }: FactsRequest,
  pods: Part['pods'],
): Promise<readonly string[]> {
  const [pod] = pods;
  if (!pod || logsSince === undefined) return [];
  const text = await read.text(`/api/v1/namespaces/${spec.tempo.namespace}/pods/${pod.metadata.name}/log`, {
    sinceTime: logsSince,
    tailLines: 200,
  });
  return newestOf(
    linesOf(text ?? '').filter((line) => /level=(?:error|warn)/u.test(line) && !startWarning.test(line)),
  );
}
