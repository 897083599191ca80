import { shortfall } from '../../domain/proof.js';
import { addressText } from '../cluster-access.js';
import { ownService } from '../root-span.js';
import { kindOf } from './collector-config.js';
import { endpointTrouble } from './endpoint.js';
import type { HopFacts } from './facts.js';
import { total } from './metrics.js';
import { partTrouble } from './part-trouble.js';
import { verdictsOn, type Verdict } from './verdict.js';

const ofTempo = verdictsOn('hop.tempo');
const verdict = verdictsOn('hop.collector-tempo');

/** Tempo does not run, or is not ready. */
export function judgeTempo({ spec, tempo }: HopFacts): Verdict | undefined {
  // When Tempo itself says what it waits for, that tells more than a pod that is not ready.
  if (!tempo.ready || tempo.ready.status === 200) {
    const down = partTrouble('Tempo', spec.tempo, tempo);
    return down && ofTempo(down.why, down.cure, ['tempo', 'tempo-crash', 'tempo-answers'], down.passing);
  }
  return ofTempo(
    `Tempo at ${addressText(spec.tempo)} is not ready: /ready answers ${tempo.ready.text}`,
    `It says what it waits for; after a start it takes 15 s. Its log: kubectl -n ${spec.tempo.namespace} logs ${workloadOf(tempo)}`,
    ['tempo', 'tempo-answers', 'tempo-log'],
    true,
  );
}

/** The collector has the spans, but does not get them to Tempo. */
export function judgeExport(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const { config, targets } = collector;
  const where = `the collector ${spec.collector.service}.${spec.collector.namespace}`;
  const right = `${spec.tempo.service}.${spec.tempo.namespace}:4317`;
  if (config && config.pipelines.length > 0 && targets.length === 0) {
    const names = config.pipelines.flatMap(({ exporters }) => exporters);
    return verdict(
      `No exporter in the traces pipelines of ${where} sends to Tempo: they have ${names.join(', ') || 'none'}.`,
      `Add the otlp exporter (endpoint ${right}, tls.insecure: true) to the exporters of the traces pipeline.`,
      ['pipelines', 'spans', 'tempo-answers'],
    );
  }
  const troubles = targets.map((use) => endpointTrouble(use, rightFor(use.exporter, right)));
  const index = troubles.findIndex((trouble) => trouble !== undefined);
  // Another exporter may be the one that matters.
  if (troubles.every((trouble) => trouble !== undefined) && troubles[index])
    return verdict(
      `The collector cannot reach Tempo: ${String(targets[index]?.where)} ${troubles[index].why}.`,
      troubles[index].cure,
      ['targets', 'collector-log', 'tempo-answers', 'spans'],
    );
  return elsewhere(facts, right) ?? withoutTls(facts);
}

function rightFor(exporter: string, grpc: string): string {
  return kindOf(exporter).endsWith('http') ? `http://${grpc.replace(/:4317$/u, ':4318')}` : grpc;
}

/** All exporters reach something, but none of them this Tempo. */
function elsewhere({ spec, collector, tempo }: HopFacts, right: string): Verdict | undefined {
  const named = collector.targets.flatMap(({ endpoint }) => (endpoint?.service ? [endpoint.service] : []));
  const isOurs = named.some(
    ({ service, namespace }) => service === spec.tempo.service && namespace === spec.tempo.namespace,
  );
  const [first] = collector.targets;
  if (isOurs || named.length < collector.targets.length || !first || tempo.received !== 0) return undefined;
  return verdict(
    `The collector sends the spans to another place than the Tempo at ${addressText(spec.tempo)}, which has received none: ${first.where} is ${String(first.text)}.`,
    `Set ${first.where} to ${rightFor(first.exporter, right)}.`,
    ['targets', 'tempo-answers', 'spans', 'collector-log'],
  );
}

const tlsError = /first record does not look like a TLS handshake|authentication handshake failed|x509:/u;

function withoutTls({ collector }: HopFacts): Verdict | undefined {
  const error = collector.logged?.exportErrors.findLast((line) => tlsError.test(line));
  const exporter = collector.targets.find(
    ({ exporter: name, endpoint }) =>
      endpoint?.tls !== false && collector.config?.exporters[name]?.insecure === false,
  )?.exporter;
  if (error === undefined || exporter === undefined) return undefined;
  return verdict(
    `The collector wants TLS of Tempo, which does not speak it: ${error}`,
    `Set exporters.${exporter}.tls.insecure to true.`,
    ['collector-log', 'targets', 'tempo-answers'],
  );
}

const intake = ['collector-log', 'tempo-answers', 'spans', 'tempo-log'] as const;

/** The collector reaches Tempo, but Tempo does not take or does not keep the spans. */
export function judgeTempoIntake(facts: HopFacts): Verdict | undefined {
  const { spec, collector, tempo } = facts;
  const where = `Tempo at ${addressText(spec.tempo)}`;
  const log = `kubectl -n ${spec.tempo.namespace} logs ${workloadOf(tempo)}`;
  const errors = collector.logged?.exportErrors ?? [];
  const limited = errors.find((line) =>
    /RATE_LIMITED|ResourceExhausted|TRACE_TOO_LARGE|LIVE_TRACES_EXCEEDED/u.test(line),
  );
  const reasons = Object.keys(tempo.discarded).filter((reason) => (tempo.discarded[reason] ?? 0) > 0);
  if (limited !== undefined || reasons.length > 0)
    return ofTempo(
      `${where} throws spans away: ${limited ?? reasons.join(', ')}`,
      "Raise that limit in Tempo's configuration: ingestion_rate_limit_bytes, ingestion_burst_size_bytes, max_bytes_per_trace or max_traces_per_user, in its overrides.",
      ['tempo-discards', 'collector-log', 'tempo-log'],
    );
  const refused = errors.findLast((line) => /connection refused/u.test(line));
  if (refused !== undefined)
    return ofTempo(
      `${where} runs, but takes no spans on the port that the collector sends to: ${refused}`,
      'Check distributor.receivers in the configuration of Tempo: it needs otlp with the protocol grpc at 0.0.0.0:4317 (http at 0.0.0.0:4318). If Tempo has only just come back, wait: the collector tries again after at most 2 minutes.',
      intake,
      true,
    );
  const other = errors.at(-1);
  if (other !== undefined && tempo.received === 0)
    return verdict(
      `The collector cannot pass the spans on to Tempo: ${other}`,
      `Look at the log of Tempo, too: ${log}`,
      intake,
      true,
    );
  if (tempo.byId === true && isWhole(facts))
    return ofTempo(
      `${where} has the trace by now: its spans came later than the verification waits.`,
      'Verify again. If it stays so, look whether the nodes are short of CPU, or a batch processor of the collector waits too long.',
      ['tempo-trace', 'spans'],
      true,
    );
  const sent = collector.counts && total(collector.counts.sent);
  if (tempo.received === 0 && sent !== undefined && sent > 0)
    return verdict(
      `The collector says that it has sent the spans, but ${where} has received none.`,
      `Check that the exporter of the collector and the stack file mean the same Tempo: ${collector.targets.map(({ text }) => String(text)).join(', ')}.`,
      ['spans', 'targets', 'tempo-answers'],
    );
  if (tempo.received !== undefined && tempo.received > 0 && tempo.byId === false)
    return ofTempo(
      `${where} has received ${String(tempo.received)} spans, but does not know the trace: its ingester does not take them, or its querier does not ask it.`,
      `Look at the log of Tempo: ${log}`,
      ['tempo-answers', 'tempo-log', 'tempo-trace'],
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
