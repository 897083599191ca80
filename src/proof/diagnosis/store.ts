import { shortfall } from '../../domain/proof.js';
import { services } from '../../domain/trace.js';
import {
  addressText,
  answerText,
  isFromApiServer,
  type ServiceAddress,
  storeText,
  storeTitle,
} from '../cluster-access.js';
import { ownService } from '../root-span.js';
import { clockToleranceMs } from '../run.js';
import { type Tempo, tempoAt } from '../tempo.js';
import { collectorEvidence } from './collector.js';
import { kindOf } from './collector-config.js';
import { seriesText, total } from './counters.js';
import { endpointTrouble } from './endpoint.js';
import { type FactsRequest, type HopFacts, type TempoFacts, type Verdict, verdictsOn } from './facts.js';
import { crashLines, linesOf, newestOf, type Part, partLine, partTrouble, readPart } from './part.js';
import { unlessUnknown } from './reader.js';

/** Tempo writes logfmt; the embedded stack's store, being a collector, its level between tabs. */
const severe = /level=(?:error|warn)|\t(?:error|warn)\t/u;

/** What both say at each start, once a receiver. */
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
  return newestOf(linesOf(text ?? '').filter((line) => severe.test(line) && !startWarning.test(line)));
}

const ofTempo = verdictsOn('hop.tempo');
const exportVerdict = verdictsOn('hop.collector-tempo');

/** Tempo does not run, or is not ready. */
export function judgeTempo(facts: HopFacts): Verdict | undefined {
  const { spec, tempo } = facts;
  const { part, crash, answers, log } = storeEvidence(facts);
  // When Tempo itself says what it waits for, that tells more than a pod that is not ready.
  if (!tempo.ready || tempo.ready.status === 200) {
    const down = partTrouble(storeTitle(spec.tempo), spec.tempo, tempo);
    return down && ofTempo(down.why, down.fix, [...part, ...crash, ...answers], down.passing);
  }
  return ofTempo(
    `${storeText(spec.tempo)} is not ready: /ready answers ${tempo.ready.text}`,
    `It says what it waits for; after a start it takes 15 s. Its log: kubectl -n ${spec.tempo.namespace} logs ${workloadOf(tempo)}`,
    [...part, ...answers, ...log],
    true,
  );
}

/** The collector has the spans, but does not get them to Tempo. */
export function judgeExport(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const { config, targets, unjudged = [] } = collector;
  const { pipelines, targets: targetLines, log, spans } = collectorEvidence(facts);
  const { answers } = storeEvidence(facts);
  const where = `the collector ${spec.collector.service}.${spec.collector.namespace}`;
  const right = ingestText(spec);
  if (config && config.pipelines.length > 0 && targets.length + unjudged.length === 0) {
    const names = config.pipelines.flatMap(({ exporters }) => exporters);
    return exportVerdict(
      `No exporter in the traces pipelines of ${where} sends to ${storeTitle(spec.tempo)}: they have ${names.join(', ') || 'none'}.`,
      `Add the otlp exporter (endpoint ${right}, tls.insecure: true) to the exporters of the traces pipeline.`,
      [...pipelines, ...spans, ...answers],
    );
  }
  const troubles = targets.map((use) => endpointTrouble(use, rightFor(use.exporter, right)));
  const index = troubles.findIndex((trouble) => trouble !== undefined);
  // Another exporter may be the one that matters.
  if (unjudged.length === 0 && troubles.every((trouble) => trouble !== undefined) && troubles[index])
    return exportVerdict(
      `The collector cannot reach ${storeTitle(spec.tempo)}: ${String(targets[index]?.where)} ${troubles[index].why}.`,
      troubles[index].fix,
      [...targetLines, ...log, ...answers, ...spans],
      troubles.some((trouble) => trouble.passing),
    );
  return elsewhere(facts, right) ?? withoutTls(facts);
}

function rightFor(exporter: string, grpc: string): string {
  return kindOf(exporter).endsWith('http') ? `http://${grpc.replace(/:4317$/u, ':4318')}` : grpc;
}

/** All exporters reach something, but none of them this Tempo. */
function elsewhere(facts: HopFacts, right: string): Verdict | undefined {
  const { spec, collector, tempo } = facts;
  if (collector.unjudged?.length) return undefined;
  const named = collector.targets.flatMap(({ endpoint }) => (endpoint?.service ? [endpoint.service] : []));
  const isOurs = named.some(({ service, namespace }) =>
    [spec.tempo, ingestOf(spec)].some((it) => service === it.service && namespace === it.namespace),
  );
  const { targets: targetLines, spans, log } = collectorEvidence(facts);
  const [first] = collector.targets;
  if (isOurs || named.length < collector.targets.length || !first || tempo.received !== 0) return undefined;
  return exportVerdict(
    `The collector sends the spans to another place than ${storeText(spec.tempo)}, which has received none: ${first.where} is ${String(first.text)}.`,
    `Set ${first.where} to ${rightFor(first.exporter, right)}.`,
    [...targetLines, ...storeEvidence(facts).answers, ...spans, ...log],
  );
}

/** The collector cannot agree on TLS with the store. */
function withoutTls(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const title = storeTitle(spec.tempo);
  const { log, targets } = collectorEvidence(facts);
  const evidence = [...log, ...targets, ...storeEvidence(facts).answers];
  const errors = collector.logged?.exportErrors ?? [];
  const untrusted = errors.findLast((line) => line.includes('x509:'));
  if (untrusted !== undefined)
    return exportVerdict(
      `The collector does not trust the certificate of ${title}: ${untrusted}`,
      'Set tls.ca_file of its exporter to the authority that has signed it, and the endpoint to a name that the certificate has.',
      evidence,
    );
  const plain = errors.findLast((line) => line.includes('first record does not look like a TLS handshake'));
  const exporter = collector.targets.find(
    ({ exporter: name, endpoint }) =>
      endpoint?.tls !== false && collector.config?.exporters[name]?.insecure === false,
  )?.exporter;
  if (plain === undefined || exporter === undefined) return undefined;
  return exportVerdict(
    `The collector wants TLS of ${title}, which does not speak it: ${plain}`,
    `Set exporters.${exporter}.tls.insecure to true.`,
    evidence,
  );
}

/** Where the spans go in: of a store in parts another Service than the one that answers. */
function ingestOf({ tempo }: HopFacts['spec']): ServiceAddress {
  return tempo.ingest ?? { ...tempo, port: 4_317 };
}

function ingestText(spec: HopFacts['spec']): string {
  return addressText(ingestOf(spec));
}

/** The collector reaches Tempo, but Tempo does not take or does not keep the spans. */
export function judgeTempoIntake(facts: HopFacts): Verdict | undefined {
  const { spec, collector, tempo } = facts;
  const where = storeText(spec.tempo);
  const { log: collectorLog, spans, targets } = collectorEvidence(facts);
  const { answers, discards, trace, log: storeLog } = storeEvidence(facts);
  const intake = [...collectorLog, ...answers, ...spans, ...storeLog];
  const log = `kubectl -n ${spec.tempo.namespace} logs ${workloadOf(tempo)}`;
  const errors = collector.logged?.exportErrors ?? [];
  const limited = errors.find((line) =>
    /RATE_LIMITED|ResourceExhausted|TRACE_TOO_LARGE|LIVE_TRACES_EXCEEDED/u.test(line),
  );
  const reasons = Object.keys(tempo.discarded).filter((reason) => (tempo.discarded[reason] ?? 0) > 0);
  if (limited !== undefined || reasons.length > 0)
    return ofTempo(
      `${where} throws spans away: ${limited ?? reasons.join(', ')}`,
      'Raise that limit in its configuration: ingestion_rate_limit_bytes, ingestion_burst_size_bytes, max_bytes_per_trace or max_traces_per_user, in the overrides (the embedded store has max_trace_kib).',
      [...discards, ...collectorLog, ...storeLog],
    );
  const refused = errors.findLast((line) => /connection refused/u.test(line));
  if (refused !== undefined)
    return ofTempo(
      `${where} runs, but takes no spans on the port that the collector sends to: ${refused}`,
      'Check distributor.receivers in its configuration: it needs otlp with the protocol grpc at 0.0.0.0:4317, http at 0.0.0.0:4318 (the embedded store names its receivers in its pipeline). If it has only just come back, wait: the collector tries again after at most 2 minutes.',
      intake,
      true,
    );
  const tenantless = errors.findLast((line) => /no org id/iu.test(line));
  if (tenantless !== undefined)
    return exportVerdict(
      `${where} keeps tenants apart, and the collector names none: ${tenantless}`,
      `Set the header X-Scope-OrgID of the collector's exporter (headers), and proof.tempo.tenant in the stack file, to the same tenant.`,
      intake,
    );
  const other = errors.at(-1);
  if (other !== undefined && tempo.received === 0)
    return exportVerdict(
      `The collector cannot pass the spans on to ${storeTitle(spec.tempo)}: ${other}`,
      `Look at its log, too: ${log}`,
      intake,
      true,
    );
  if (tempo.byId === true && isWhole(facts))
    return ofTempo(
      `${where} has the trace by now: its spans came later than the verification waits.`,
      'Verify again. If it stays so, look whether the nodes are short of CPU, or a batch processor of the collector waits too long.',
      [...trace, ...spans],
      true,
    );
  const sent = collector.counts && total(collector.counts.sent);
  if (tempo.received === 0 && sent !== undefined && sent > 0)
    return exportVerdict(
      `The collector says that it has sent the spans, but ${where} has received none.`,
      `Check that the exporter of the collector and the stack file mean the same store: ${collector.targets.map(({ text }) => String(text)).join(', ')}.`,
      [...spans, ...targets, ...answers],
    );
  if (tempo.received !== undefined && tempo.received > 0 && tempo.byId === false)
    return ofTempo(
      `${where} has received ${String(tempo.received)} spans, but does not know the trace: its ingester does not take them, or its querier does not ask it.`,
      `Look at its log: ${log}`,
      [...answers, ...storeLog, ...trace],
      true,
    );
  return undefined;
}

/** A trace that is still incomplete is not late. */
function isWhole({ spec, tempo }: HopFacts): boolean {
  return !tempo.services || !shortfall(tempo.services, spec.expect, ownService);
}

function workloadOf({ workload }: HopFacts['tempo']): string {
  return workload && workload !== 'absent' ? workload.name : 'statefulset/tempo';
}

type Kind = 'part' | 'answers' | 'discards' | 'trace' | 'log' | 'crash';

/** What was seen of the trace store, one text a line. */
export function storeEvidence({ spec, tempo }: HopFacts): Readonly<Record<Kind, readonly string[]>> {
  const { ready, received, discarded, errors, search, services } = tempo;
  const store = storeTitle(spec.tempo);
  const finds = (found: boolean): string => (found ? 'finds the trace' : 'does not');
  return {
    part: partLine(store, spec.tempo, tempo),
    answers: [
      ...(ready ? [`${store}: /ready answers ${String(ready.status)}`] : []),
      ...(received === undefined ? [] : [`${store}: since the ride ${String(received)} spans received`]),
    ],
    discards: total(discarded) > 0 ? [`${store}: ${seriesText('discarded', discarded)}`] : [],
    trace: [
      ...(services ? [`${store}: by its id now ${seriesText('spans of the trace', services)}`] : []),
      ...(search ? [`${store}: the stack's search now ${finds(search.stack)}, {} ${finds(search.any)}`] : []),
    ],
    log: errors.map((line) => `${store}'s log: ${line}`),
    crash: crashLines(tempo),
  };
}
