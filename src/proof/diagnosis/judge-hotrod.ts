import { addressText } from '../cluster-access.js';
import { kindOf } from './collector-config.js';
import { endpointTrouble, type EndpointUse } from './endpoint.js';
import type { HopFacts, WorkloadFacts } from './facts.js';
import {
  endpointVariables,
  hotrodExporter,
  sendsToAgent,
  variableInUse,
  type HotrodExporter,
} from './hotrod-exporter.js';
import { partTrouble } from './part-trouble.js';
import { verdictsOn, type Verdict } from './verdict.js';

const verdict = verdictsOn('hop.hotrod-collector');

/** HotROD gives no ride. */
export function judgeHotrod({ spec, hotrod }: HopFacts): Verdict | undefined {
  const trouble = partTrouble('HotROD', spec.ride, hotrod);
  if (!trouble) return undefined;
  const { why: message, cure: remedy, passing: retryable } = trouble;
  return { type: 'hop.hotrod', message, remedy, retryable, decidedBy: ['hotrod', 'hotrod-crash'] };
}

/** HotROD gives rides, but its spans do not reach the collector. */
export function judgeHotrodExport(facts: HopFacts): Verdict | undefined {
  const { collector, hotrod } = facts;
  // Our own span came over another receiver: what is lacking is HotROD's.
  if ((collector.logged?.others ?? 0) > 0 || !hotrod.workload || hotrod.workload === 'absent')
    return undefined;
  const { workload, target } = hotrod;
  const exporter = hotrodExporter(workload.image, workload.args, hotrod.exporterInLog);
  if (exporter && !sendsToAgent(exporter, workload.env)) {
    const trouble =
      wrongVariable(facts, workload, exporter) ??
      missingReceiver(facts, exporter) ??
      (target && wrongAddress(facts, exporter, target));
    if (trouble) return verdict(trouble.why, trouble.cure, trouble.decidedBy);
  }
  const said = hotrod.exportErrors.at(-1);
  if (said !== undefined)
    return verdict(
      `HotROD cannot send its spans: ${said}`,
      `Check ${target?.where ?? 'its exporter variable'} and that the collector has the matching receiver.`,
      ['hotrod-log', 'hotrod-variables', 'spans', 'logged'],
      true,
    );
  return undefined;
}

interface Trouble {
  readonly why: string;
  readonly cure: string;
  readonly decidedBy: Verdict['decidedBy'];
}

const wrongHere = ['hotrod-variables', 'hotrod-log', 'spans', 'logged'] as const;
const wrongThere = ['pipelines', 'hotrod-variables', 'hotrod-log', 'spans'] as const;

function wrongVariable(
  facts: HopFacts,
  workload: WorkloadFacts,
  exporter: HotrodExporter,
): Trouble | undefined {
  const { image, env, name } = workload;
  if (variableInUse(exporter, env) !== undefined) return undefined;
  const wanted = exporter.variable;
  const vain = endpointVariables.filter((variable) => variable in env);
  const set = `Set ${wanted} to ${rightAddress(facts, exporter)} in ${name}`;
  return vain.length > 0
    ? {
        why: `HotROD sends its spans nowhere: ${image} takes the address from ${wanted}, but ${vain.join(' and ')} is set.`,
        cure: `${set}, instead of ${vain.join(' and ')}; or use an image that reads it.`,
        decidedBy: wrongHere,
      }
    : {
        why: `HotROD sends its spans nowhere: ${image} takes the address from ${wanted}, and ${name} does not set it.`,
        cure: `${set}.`,
        decidedBy: ['hotrod', ...wrongHere],
      };
}

const wireProtocols = { jaeger: 'thrift_http', otlp: 'http' } as const;
const wirePorts = { jaeger: 14_268, otlp: 4_318 } as const;

function missingReceiver(
  { spec, collector, hotrod }: HopFacts,
  { protocol }: HotrodExporter,
): Trouble | undefined {
  const { config } = collector;
  const named = hotrod.target?.endpoint?.service;
  const goesToOurs =
    !named || (named.service === spec.collector.service && named.namespace === spec.collector.namespace);
  if (!config || !goesToOurs) return undefined;
  const inUse = config.pipelines
    .flatMap(({ receivers }) => receivers)
    .filter((name) => kindOf(name) === protocol);
  const wire = wireProtocols[protocol];
  if (inUse.some((name) => wire in (config.receivers[name]?.protocols ?? {}))) return undefined;
  const isDefined = Object.keys(config.receivers).some((name) => kindOf(name) === protocol);
  const lacks =
    inUse.length > 0
      ? `its ${protocol} receiver does not speak ${wire}`
      : isDefined
        ? `its ${protocol} receiver is in no traces pipeline`
        : `it has no ${protocol} receiver`;
  return {
    why: `HotROD sends its spans by ${protocol} (${wire}), but the collector takes none: ${lacks}.`,
    cure: `In the configuration of the collector ${addressText({ ...spec.collector, port: wirePorts[protocol] })}: receivers.${protocol}.protocols.${wire}, and ${protocol} among the receivers of the traces pipeline.`,
    decidedBy: wrongThere,
  };
}

function wrongAddress(facts: HopFacts, exporter: HotrodExporter, target: EndpointUse): Trouble | undefined {
  const right = rightAddress(facts, exporter);
  const trouble = endpointTrouble(target, right);
  if (trouble)
    return {
      why: `HotROD cannot reach the collector: ${target.where} ${trouble.why}.`,
      cure: trouble.cure,
      decidedBy: wrongHere,
    };
  const { namespace, service } = facts.spec.collector;
  const named = target.endpoint?.service;
  if (!named || (named.service === service && named.namespace === namespace)) return undefined;
  return {
    why: `HotROD sends its spans to ${named.service}.${named.namespace}, and not to the collector of this stack: ${target.where} is ${String(target.text)}.`,
    cure: `Set ${target.where} to ${right}.`,
    decidedBy: wrongHere,
  };
}

function rightAddress({ spec }: HopFacts, { protocol }: HotrodExporter): string {
  const host = `${spec.collector.service}.${spec.collector.namespace}.svc.cluster.local`;
  return `http://${host}:${String(wirePorts[protocol])}${protocol === 'jaeger' ? '/api/traces' : ''}`;
}
