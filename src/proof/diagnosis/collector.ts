import type { Pod, PodContainer } from '../../tools/kubernetes/objects.js';
import { addressText, collectorLog } from '../cluster-access.js';
import { findLoggedTrace, type LoggedTrace } from '../check-collector.js';
import { clockToleranceMs } from '../run.js';
import { type CollectorConfig, exportersInUse, kindOf, parseCollectorConfig } from './collector-config.js';
import { type Series, seriesText, total } from './counters.js';
import { readEndpoint } from './endpoint.js';
import { type CollectorFacts, type FactsRequest, type HopFacts, type Verdict, verdictsOn } from './facts.js';
import { crashLines, partLine, partTrouble, readPart } from './part.js';
import { type Reader, unlessUnknown } from './reader.js';

/** The collector with its configuration, its log of the trace and where it sends to. */
export async function readCollector(request: FactsRequest): Promise<Omit<CollectorFacts, 'counts'>> {
  const { read, spec } = request;
  const { namespace, container } = spec.collector;
  const { service, workload, configMaps, pods } = await readPart(read, spec.collector);
  const sidecar = container === undefined ? undefined : findSidecar(pods, container);
  const [config, logged] = await Promise.all([
    configOfSidecar(sidecar) ?? readConfig(read, namespace, configMaps),
    readLogged(request),
  ]);
  return {
    service,
    workload:
      workload && workload !== 'absent' && sidecar ? { ...workload, image: sidecar.image ?? '' } : workload,
    without: container === undefined || sidecar ? undefined : containersInstead(pods),
    config,
    logged,
    ...(config ? await readTargets(read, namespace, config) : { targets: [] }),
  };
}

function findSidecar(pods: readonly Pod[], container: string): PodContainer | undefined {
  return pods
    .flatMap(({ spec }) => [...spec.containers, ...(spec.initContainers ?? [])])
    .find(({ name }) => name === container);
}

function containersInstead(pods: readonly Pod[]): CollectorFacts['without'] {
  const [pod] = pods;
  return pod && { pod: pod.metadata.name, containers: pod.spec.containers.map(({ name }) => name) };
}

/** The operator gives a sidecar its configuration in a variable (OTEL_CONFIG), as its ConfigMap is in another namespace. */
function configOfSidecar(sidecar: PodContainer | undefined): CollectorConfig | undefined {
  return (sidecar?.env ?? [])
    .map(({ value }) => parseCollectorConfig(value ?? ''))
    .find((parsed) => parsed !== undefined);
}

/** Whichever of the mounted ConfigMaps holds the configuration of a collector. */
async function readConfig(
  read: Reader,
  namespace: string,
  names: readonly string[],
): Promise<CollectorConfig | undefined> {
  for (const name of names) {
    const found = await read.object<{ data?: Readonly<Record<string, string>> }>(
      `/api/v1/namespaces/${namespace}/configmaps/${name}`,
    );
    if (found === undefined || found === 'absent') continue;
    const config = Object.values(found.data ?? {})
      .map(parseCollectorConfig)
      .find((parsed) => parsed !== undefined);
    if (config) return config;
  }
  return undefined;
}

async function readLogged(request: FactsRequest): Promise<CollectorFacts['logged']> {
  const { kube, spec, ride, logsSince, signal } = request;
  if (!ride || logsSince === undefined) return undefined;
  const find = async (sinceTime: Date): Promise<LoggedTrace> =>
    findLoggedTrace(await kube.podLogs({ ...collectorLog(spec), sinceTime, signal }), ride.identity);
  return unlessUnknown(async () => {
    const [whole, recent] = await Promise.all([
      // Spans are told by their trace, whatever a node's clock says; failed exports only by their time.
      find(new Date(ride.startMs - clockToleranceMs)),
      find(new Date(logsSince)),
    ]);
    return { ...whole, exportErrors: recent.exportErrors };
  });
}

/** The exporters of the traces pipelines that may send to the trace store, and where each of them sends to. */
async function readTargets(
  read: Reader,
  namespace: string,
  config: CollectorConfig,
): Promise<Pick<CollectorFacts, 'targets' | 'unjudged'>> {
  const { targets, unjudged } = exportersInUse(config);
  const uses = targets.map(async ({ name: exporter, where, endpoint: text, isHttp }) => {
    const use = await readEndpoint(read, { where, text, namespace, defaultPort: isHttp ? 4_318 : 4_317 });
    return use && { ...use, exporter };
  });
  return { targets: (await Promise.all(uses)).filter((use) => use !== undefined), unjudged };
}

const collectorVerdict = verdictsOn('hop.collector');

/** The collector does not run, takes nothing over OTLP, or does not log what it takes. */
export function judgeCollector(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  const missing = noSidecar(facts);
  if (missing) return missing;
  const own = collector.logged?.own ?? false;
  // Its Service has the ports of its receivers: a missing receiver explains a missing port.
  const receiver = own ? undefined : otlpReceiver(facts);
  if (receiver) return receiver;
  const down = partTrouble('The collector', { namespace, service, port }, collector);
  const { part, crash } = collectorEvidence(facts);
  if (down) return collectorVerdict(down.why, down.fix, [...part, ...crash], down.passing);
  return noLog(facts);
}

/** A pod that was made before the operator, or while its webhook was away, goes without. */
function noSidecar(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const { namespace, container } = spec.collector;
  if (!collector.without || container === undefined) return undefined;
  const { pod, containers } = collector.without;
  const workload =
    collector.workload && collector.workload !== 'absent' ? collector.workload.name : undefined;
  const restart =
    workload === undefined
      ? `kubectl -n ${namespace} delete pod ${pod}`
      : `kubectl -n ${namespace} rollout restart ${workload}`;
  return collectorVerdict(
    `The collector is to be a sidecar, but pod ${pod} in ${namespace} has no container ${container}; it has ${containers.join(', ')}.`,
    `The operator adds it to new pods only, where the annotation sidecar.opentelemetry.io/inject of the pod names a collector of mode sidecar. See that it does, and have the pod made again: ${restart}`,
    collectorEvidence(facts).part,
  );
}

function otlpReceiver(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const { config } = collector;
  if (!config) return undefined;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  const where = addressText({ namespace, service, port });
  const { pipelines, spans, logged } = collectorEvidence(facts);
  const inUse = config.pipelines
    .flatMap(({ receivers }) => receivers)
    .filter((name) => kindOf(name) === 'otlp');
  const http = inUse
    .map((name) => config.receivers[name]?.protocols ?? {})
    .filter((protocols) => 'http' in protocols);
  if (http.length === 0)
    return collectorVerdict(
      inUse.length > 0
        ? `The otlp receiver of the collector ${where} does not speak http.`
        : `The collector ${where} has no otlp receiver in its traces pipelines (${receiversText(config.pipelines)}).`,
      `In its configuration: receivers.otlp.protocols.http with endpoint 0.0.0.0:${String(port)}, and otlp among the receivers of the traces pipeline.`,
      [...pipelines, ...spans, ...logged],
    );
  const local = http
    .map((protocols) => protocols.http)
    .find((endpoint) => /^(localhost|127\.)/u.test(endpoint ?? ''));
  if (local === undefined) return undefined;
  return collectorVerdict(
    `The otlp receiver of the collector ${where} listens on ${local} only, so nothing outside its pod reaches it.`,
    `Set receivers.otlp.protocols.http.endpoint to 0.0.0.0:${String(port)}.`,
    [...pipelines, ...spans, ...logged],
  );
}

function noLog(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const { config, logged } = collector;
  if (!config || !logged || logged.own || logged.others > 0) return undefined;
  const exporters = config.pipelines.flatMap((pipeline) => pipeline.exporters);
  if (exporters.some((name) => ['logging', 'debug'].includes(kindOf(name)))) return undefined;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  return collectorVerdict(
    `The collector ${addressText({ namespace, service, port })} logs no spans: its traces pipelines have the exporters ${exporters.join(', ') || 'none'}.`,
    'Add the exporter logging with loglevel debug (from 0.86 on: debug with verbosity detailed) to the traces pipeline.',
    [...collectorEvidence(facts).pipelines, ...collectorEvidence(facts).spans],
  );
}

function receiversText(pipelines: readonly { name: string; receivers: readonly string[] }[]): string {
  return (
    pipelines.map(({ name, receivers }) => `${name}: ${receivers.join(', ') || 'none'}`).join('; ') ||
    'it has none'
  );
}

type Kind = 'part' | 'pipelines' | 'targets' | 'spans' | 'logged' | 'log' | 'crash';

/** What was seen of the collector, one text a line. */
export function collectorEvidence({ spec, collector }: HopFacts): Readonly<Record<Kind, readonly string[]>> {
  const { config, counts, logged, targets, unjudged = [] } = collector;
  const others = (what: string, series: Series): string =>
    total(series) > 0 ? `; ${seriesText(what, series)}` : '';
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  return {
    part: partLine('collector', { namespace, service, port }, collector),
    pipelines: (config?.pipelines ?? []).map(
      ({ name, receivers, exporters }) =>
        `collector: pipeline ${name}: ${receivers.join(', ') || 'none'} → ${exporters.join(', ') || 'none'}`,
    ),
    targets: [
      ...targets.map(({ where, text }) => `collector: ${where} is ${text ?? 'not set'}`),
      ...unjudged.map((why) => `collector: cannot be judged: ${why}`),
    ],
    spans: counts
      ? [
          `collector: since the ride ${seriesText('accepted', counts.accepted)}; ${seriesText('sent', counts.sent)}${others('failed', counts.failed)}${others('refused', counts.refused)}`,
        ]
      : [],
    logged: logged
      ? [
          `collector's log: ${logged.own ? 'our root span' : 'not our root span'}, ${String(logged.others)} spans of the ride`,
        ]
      : [],
    log: (logged?.exportErrors ?? []).map((line) => `collector: ${line}`),
    crash: crashLines(collector),
  };
}
