import { addressText, type ServiceAddress } from '../cluster-access.js';
import type { HopFacts, PartFacts, WorkloadFacts } from './facts.js';
import { endpointVariables } from './hotrod-exporter.js';
import { total, type Series } from './metrics.js';

/** What was seen, by what it is about, in the order in which a trace passes the hops. One text a line. */
export type Evidence = Readonly<Record<EvidenceKind, readonly string[]>>;

export type EvidenceKind =
  | 'changes'
  | 'hotrod'
  | 'hotrod-variables'
  | 'hotrod-log'
  | 'hotrod-crash'
  | 'collector'
  | 'pipelines'
  | 'targets'
  | 'spans'
  | 'logged'
  | 'collector-log'
  | 'collector-crash'
  | 'tempo'
  | 'tempo-answers'
  | 'tempo-discards'
  | 'tempo-trace'
  | 'tempo-log'
  | 'tempo-crash'
  | 'grafana'
  | 'datasources';

/** For whoever doubts the verdict, or where there is none. */
export function evidenceOf(facts: HopFacts): Evidence {
  const { spec, changes = [], hotrod, collector, tempo, grafana } = facts;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  return {
    changes: changes.map(({ text }) => `changed by hand: ${text}`),
    hotrod: partLine('HotROD', spec.ride, hotrod),
    'hotrod-variables': variableLines(facts),
    'hotrod-log': hotrod.exportErrors.map((line) => `HotROD's log: ${line}`),
    'hotrod-crash': crashLines(hotrod),
    collector: partLine('collector', { namespace, service, port }, collector),
    ...collectorEvidence(facts),
    tempo: partLine('Tempo', spec.tempo, tempo),
    ...tempoEvidence(facts),
    grafana: grafana && !('skip' in spec.grafana) ? partLine('Grafana', spec.grafana, grafana) : [],
    datasources: (grafana?.datasources ?? []).map(
      ({ name, text }) => `Grafana: datasource ${name} at ${String(text)}`,
    ),
  };
}

/**
 * All that was seen: what decided first, the most telling in front, then what the verification itself saw, then the
 * rest in the order of the hops. Terminals show the beginning of it.
 */
export function rankedEvidence(
  evidence: Evidence,
  decidedBy: readonly EvidenceKind[],
  seen: readonly string[],
): string[] {
  const decisive = decidedBy.flatMap((kind) => evidence[kind]);
  return [...new Set([...decisive, ...seen, ...Object.values(evidence).flat()])];
}

function partLine(title: string, address: ServiceAddress, { service, workload }: PartFacts): string[] {
  if (service === undefined) return [];
  const where = `${title}: Service ${addressText(address)}`;
  if (service === 'absent') return [`${where} does not exist`];
  const endpoints =
    service.readyEndpoints === undefined ? '' : `, ${String(service.readyEndpoints)} ready endpoints`;
  return [`${where}${endpoints}${workload === undefined ? '' : `, ${workloadText(workload)}`}`];
}

function workloadText(workload: WorkloadFacts | 'absent'): string {
  if (workload === 'absent') return 'no workload';
  const { name, image, replicas, pods } = workload;
  const ready = pods.filter((pod) => pod.ready).length;
  const troubles = pods.flatMap(({ name: pod, trouble }) =>
    trouble === undefined ? [] : [`${pod}: ${trouble}`],
  );
  return [`${name}, ${image}, ${String(ready)} of ${String(replicas)} pods ready`, ...troubles].join('; ');
}

function variableLines({ hotrod }: HopFacts): string[] {
  const env = hotrod.workload && hotrod.workload !== 'absent' ? hotrod.workload.env : {};
  return endpointVariables
    .filter((name) => name in env)
    .map((name) => `HotROD: ${name}=${String(env[name])}`);
}

function collectorEvidence({
  collector,
}: HopFacts): Pick<
  Evidence,
  'pipelines' | 'targets' | 'spans' | 'logged' | 'collector-log' | 'collector-crash'
> {
  const { config, counts, logged, targets } = collector;
  const others = (what: string, series: Series): string =>
    total(series) > 0 ? `; ${seriesText(what, series)}` : '';
  return {
    pipelines: (config?.pipelines ?? []).map(
      ({ name, receivers, exporters }) =>
        `collector: pipeline ${name}: ${receivers.join(', ') || 'none'} → ${exporters.join(', ') || 'none'}`,
    ),
    targets: targets.map(({ where, text }) => `collector: ${where} is ${text ?? 'not set'}`),
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
    'collector-log': (logged?.exportErrors ?? []).map((line) => `collector: ${line}`),
    'collector-crash': crashLines(collector),
  };
}

function tempoEvidence({
  tempo,
}: HopFacts): Pick<
  Evidence,
  'tempo-answers' | 'tempo-discards' | 'tempo-trace' | 'tempo-log' | 'tempo-crash'
> {
  const { ready, received, discarded, errors, search, services } = tempo;
  const finds = (found: boolean): string => (found ? 'finds the trace' : 'does not');
  return {
    'tempo-answers': [
      ...(ready ? [`Tempo: /ready answers ${String(ready.status)}`] : []),
      ...(received === undefined ? [] : [`Tempo: since the ride ${String(received)} spans received`]),
    ],
    'tempo-discards': total(discarded) > 0 ? [`Tempo: ${seriesText('discarded', discarded)}`] : [],
    'tempo-trace': [
      ...(services ? [`Tempo: by its id now ${seriesText('spans of the trace', services)}`] : []),
      ...(search ? [`Tempo: the stack's search now ${finds(search.stack)}, {} ${finds(search.any)}`] : []),
    ],
    'tempo-log': errors.map((line) => `Tempo's log: ${line}`),
    'tempo-crash': crashLines(tempo),
  };
}

function crashLines({ workload }: PartFacts): string[] {
  if (!workload || workload === 'absent') return [];
  return workload.pods.flatMap(({ name, lastLines }) => lastLines.map((line) => `${name}: ${line}`));
}

/** `accepted 51 (jaeger), 1 (otlp)`. */
function seriesText(what: string, series: Series): string {
  const parts = Object.entries(series).map(([name, value]) => `${String(value)} (${name})`);
  return `${what} ${parts.join(', ') || '0'}`;
}
