import { addressText, type ServiceAddress } from '../cluster-access.js';
import type { HopFacts, PartFacts, WorkloadFacts } from './facts.js';
import { endpointVariables } from './hotrod-exporter.js';
import { total, type Series } from './metrics.js';

/** What was seen, hop by hop, in one line each: for whoever doubts the verdict, or where there is none. */
export function evidenceLines(facts: HopFacts): string[] {
  const { spec, hotrod, collector, tempo, grafana } = facts;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  return [
    partLine('HotROD', spec.ride, hotrod),
    ...hotrodLines(facts),
    partLine('collector', { namespace, service, port }, collector),
    ...collectorLines(facts),
    partLine('Tempo', spec.tempo, tempo),
    ...tempoLines(facts),
    ...(grafana && !('skip' in spec.grafana) ? [partLine('Grafana', spec.grafana, grafana)] : []),
    ...(grafana?.datasources ?? []).map(({ name, text }) => `Grafana: datasource ${name} at ${String(text)}`),
  ].filter((line) => line !== undefined);
}

function partLine(
  title: string,
  address: ServiceAddress,
  { service, workload }: PartFacts,
): string | undefined {
  if (service === undefined) return undefined;
  const where = `${title}: Service ${addressText(address)}`;
  if (service === 'absent') return `${where} does not exist`;
  const endpoints =
    service.readyEndpoints === undefined ? '' : `, ${String(service.readyEndpoints)} ready endpoints`;
  return `${where}${endpoints}${workload === undefined ? '' : `, ${workloadText(workload)}`}`;
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

function hotrodLines({ hotrod }: HopFacts): string[] {
  const env = hotrod.workload && hotrod.workload !== 'absent' ? hotrod.workload.env : {};
  return [
    ...endpointVariables.filter((name) => name in env).map((name) => `HotROD: ${name}=${String(env[name])}`),
    ...hotrod.exportErrors.map((line) => `HotROD's log: ${line}`),
  ];
}

function collectorLines({ collector }: HopFacts): string[] {
  const { config, counts, logged } = collector;
  const pipelines = (config?.pipelines ?? []).map(
    ({ name, receivers, exporters }) =>
      `collector: pipeline ${name}: ${receivers.join(', ') || 'none'} → ${exporters.join(', ') || 'none'}`,
  );
  const spans = counts && [
    `collector: since the ride ${seriesText('accepted', counts.accepted)}; ${seriesText('sent', counts.sent)}${
      total(counts.failed) > 0 ? `; ${seriesText('failed', counts.failed)}` : ''
    }${total(counts.refused) > 0 ? `; ${seriesText('refused', counts.refused)}` : ''}`,
  ];
  const log = logged && [
    `collector's log: ${logged.own ? 'our root span' : 'not our root span'}, ${String(logged.others)} spans of the ride`,
  ];
  return [...pipelines, ...(spans ?? []), ...(log ?? []), ...crashLines(collector)];
}

function tempoLines({ tempo }: HopFacts): string[] {
  const { ready, received, discarded, errors } = tempo;
  return [
    ...(ready ? [`Tempo: /ready answers ${String(ready.status)}`] : []),
    ...(received === undefined ? [] : [`Tempo: since the ride ${String(received)} spans received`]),
    ...(total(discarded) > 0 ? [`Tempo: ${seriesText('discarded', discarded)}`] : []),
    ...errors.map((line) => `Tempo's log: ${line}`),
    ...crashLines(tempo),
  ];
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
