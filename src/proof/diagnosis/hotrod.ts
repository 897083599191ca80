import { addressText } from '../cluster-access.js';
import { collectorEvidence } from './collector.js';
import { kindOf } from './collector-config.js';
import { endpointTrouble, type EndpointUse, readEndpoint } from './endpoint.js';
import {
  type FactsRequest,
  type HopFacts,
  type HotrodFacts,
  type Verdict,
  verdictsOn,
  type WorkloadFacts,
} from './facts.js';
import { crashLines, linesOf, newestOf, partLine, partTrouble, readPart } from './part.js';
import type { Reader } from './reader.js';

/** How HotROD sends its spans, and which variable tells it where to. */
interface HotrodExporter {
  readonly protocol: 'jaeger' | 'otlp';
  /** The one to set. */
  readonly variable: string;
  /** Those that it reads as well; when set, they count instead. */
  readonly stronger: readonly string[];
  /** Without an endpoint it sends by UDP to the host that JAEGER_AGENT_HOST names. */
  readonly knowsAgents?: true;
}

const old: HotrodExporter = {
  protocol: 'jaeger',
  variable: 'JAEGER_ENDPOINT',
  stronger: [],
  knowsAgents: true,
};
const jaeger: HotrodExporter = {
  protocol: 'jaeger',
  variable: 'OTEL_EXPORTER_JAEGER_ENDPOINT',
  stronger: ['JAEGER_ENDPOINT'],
};
const otlp: HotrodExporter = {
  protocol: 'otlp',
  variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  stronger: ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
};

/** All variables that some HotROD has read, for finding one that is set in vain. */
const endpointVariables = [
  ...[jaeger, otlp].flatMap(({ variable, stronger }) => [variable, ...stronger]),
  'JAEGER_AGENT_HOST',
  'OTEL_EXPORTER_JAEGER_AGENT_HOST',
];

/** By UDP: neither the address nor the receiver can be judged as that of an endpoint. */
function sendsToAgent({ knowsAgents }: HotrodExporter, env: Readonly<Record<string, string>>): boolean {
  return knowsAgents === true && !('JAEGER_ENDPOINT' in env) && 'JAEGER_AGENT_HOST' in env;
}

/**
 * Up to 1.41 HotROD takes JAEGER_ENDPOINT, else JAEGER_AGENT_HOST; from 1.42 to 1.48 OTEL_EXPORTER_JAEGER_ENDPOINT
 * (over which it writes JAEGER_ENDPOINT, if that is set), or OTLP with `-x otlp`; from 1.49 OTLP only. A tag such as
 * `latest` says nothing: then what HotROD says at its start decides (1.42 and later say `using jaeger trace exporter`).
 * Source: examples/hotrod/cmd/root.go, flags.go, pkg/tracing/init.go and internal/jaegerclientenv2otel of Jaeger
 * v1.42.0, v1.48.0, v1.49.0.
 * @param inLog the exporter that its log names
 * @returns undefined when nothing tells
 */
function hotrodExporter(
  image: string,
  args: readonly string[],
  inLog: string | undefined,
): HotrodExporter | undefined {
  if (inLog === 'jaeger') return jaeger;
  if (inLog === 'otlp') return otlp;
  const version = hotrodVersion(image);
  if (!version) return undefined;
  const [major, minor] = version;
  if (major > 1 || minor >= 49) return otlp;
  if (minor <= 41) return old;
  return exporterFlag(args) === 'otlp' ? otlp : jaeger;
}

/** `[1, 42]` of `jaegertracing/example-hotrod:1.42.0`; undefined without such a tag. */
function hotrodVersion(image: string): readonly [major: number, minor: number] | undefined {
  const [, major, minor] = /:v?(\d+)\.(\d+)(?:[.-][\w.-]*)?(?:@.*)?$/u.exec(image) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

/** `-x otlp`, `--otel-exporter=otlp`. */
function exporterFlag(args: readonly string[]): string | undefined {
  const [, value] = /(?:^| )(?:-x|--otel-exporter)[ =]?(\w+)/u.exec(args.join(' ')) ?? [];
  return value;
}

/** The variable that counts, among those that are set; undefined when none is. */
function variableInUse(
  { variable, stronger }: HotrodExporter,
  env: Readonly<Record<string, string>>,
): string | undefined {
  return [...stronger, variable].find((name) => name in env);
}

/** HotROD says at its start which exporter it uses: so many bytes of its log hold that. */
const startBytes = 64 * 1_024;
const exportError = /traces export|failed to (?:upload|export)|rpc error|dial tcp/iu;

/** HotROD, where it sends its spans, and what it says about it. */
export async function readHotrod({ read, spec, logsSince }: FactsRequest): Promise<HotrodFacts> {
  const { namespace } = spec.ride;
  const { service, workload, pods } = await readPart(read, spec.ride);
  const [pod] = pods;
  const log = (query: Record<string, string | number>): Promise<string | undefined> =>
    pod
      ? read.text(`/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}/log`, query)
      : Promise.resolve(undefined);
  const [start, recent] = await Promise.all([
    log({ limitBytes: startBytes }),
    logsSince === undefined ? undefined : log({ sinceTime: logsSince }),
  ]);
  const exporterInLog = /using (\w+) trace exporter/u.exec(start ?? '')?.[1];
  const target =
    workload && workload !== 'absent'
      ? await readTarget(read, namespace, workload, exporterInLog)
      : undefined;
  const exportErrors = newestOf(linesOf(recent ?? '').filter((line) => exportError.test(line)));
  return { service, workload, exporterInLog, target, exportErrors };
}

async function readTarget(
  read: Reader,
  namespace: string,
  { name, image, args, env, hasSidecars = false }: WorkloadFacts,
  inLog: string | undefined,
): Promise<EndpointUse | undefined> {
  const exporter = hotrodExporter(image, args, inLog);
  if (!exporter) return undefined;
  const variable = variableInUse(exporter, env) ?? exporter.variable;
  return readEndpoint(read, {
    where: `${variable} of ${name}`,
    text: env[variable],
    namespace,
    defaultPort: exporter.protocol === 'otlp' ? 4_318 : 80,
    hasSidecars,
  });
}

const exportVerdict = verdictsOn('hop.hotrod-collector');

/** HotROD gives no ride. */
export function judgeHotrod(facts: HopFacts): Verdict | undefined {
  const { spec, hotrod } = facts;
  const trouble = partTrouble('HotROD', spec.ride, hotrod);
  if (!trouble) return undefined;
  const { why: message, fix: remedy, passing: retryable } = trouble;
  const { part, crash } = hotrodEvidence(facts);
  return { type: 'hop.hotrod', message, remedy, retryable, evidence: [...part, ...crash] };
}

/** HotROD gives rides, but its spans do not reach the collector. */
export function judgeHotrodExport(facts: HopFacts): Verdict | undefined {
  const { collector, hotrod } = facts;
  // Our own span came over another receiver: what is lacking is HotROD's.
  if ((collector.logged?.others ?? 0) > 0 || !hotrod.workload || hotrod.workload === 'absent')
    return undefined;
  const { workload, target } = hotrod;
  const exporter = hotrodExporter(workload.image, workload.args, hotrod.exporterInLog);
  const { variables, log } = hotrodEvidence(facts);
  const { pipelines, spans, logged } = collectorEvidence(facts);
  if (exporter && !sendsToAgent(exporter, workload.env)) {
    const trouble =
      wrongVariable(facts, workload, exporter) ??
      missingReceiver(facts, exporter) ??
      (target && wrongAddress(facts, exporter, target));
    if (trouble)
      return exportVerdict(
        trouble.why,
        trouble.fix,
        [...(trouble.isThere ? pipelines : []), ...variables, ...log, ...spans, ...logged],
        trouble.passing,
      );
  }
  const said = hotrod.exportErrors.at(-1);
  if (said !== undefined)
    return exportVerdict(
      `HotROD cannot send its spans: ${said}`,
      `Check ${target?.where ?? 'its exporter variable'} and that the collector has the matching receiver.`,
      [...log, ...variables, ...spans, ...logged],
      true,
    );
  return undefined;
}

interface Trouble {
  readonly why: string;
  readonly fix: string;
  /** It is the configuration of the collector that is wrong. */
  readonly isThere?: true;
  /** It may pass by itself. @default false */
  readonly passing?: boolean;
}

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
        fix: `${set}, instead of ${vain.join(' and ')}; or use an image that reads it.`,
      }
    : {
        why: `HotROD sends its spans nowhere: ${image} takes the address from ${wanted}, and ${name} does not set it.`,
        fix: `${set}.`,
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
    fix: `In the configuration of the collector ${addressText({ ...spec.collector, port: wirePorts[protocol] })}: receivers.${protocol}.protocols.${wire}, and ${protocol} among the receivers of the traces pipeline.`,
    isThere: true,
  };
}

function wrongAddress(facts: HopFacts, exporter: HotrodExporter, target: EndpointUse): Trouble | undefined {
  const right = rightAddress(facts, exporter);
  const trouble = endpointTrouble(target, right);
  if (trouble)
    return { ...trouble, why: `HotROD cannot reach the collector: ${target.where} ${trouble.why}.` };
  const { namespace, service } = facts.spec.collector;
  const named = target.endpoint?.service;
  if (!named || (named.service === service && named.namespace === namespace)) return undefined;
  return {
    why: `HotROD sends its spans to ${named.service}.${named.namespace}, and not to the collector of this stack: ${target.where} is ${String(target.text)}.`,
    fix: `Set ${target.where} to ${right}; or, if that is a collector in front of this one, see that it sends on to it.`,
  };
}

function rightAddress({ spec }: HopFacts, { protocol }: HotrodExporter): string {
  const { service, namespace, container } = spec.collector;
  const host = container === undefined ? `${service}.${namespace}.svc.cluster.local` : 'localhost';
  return `http://${host}:${String(wirePorts[protocol])}${protocol === 'jaeger' ? '/api/traces' : ''}`;
}

/** What was seen of HotROD, one text a line. */
export function hotrodEvidence({
  spec,
  hotrod,
}: HopFacts): Readonly<Record<'part' | 'variables' | 'log' | 'crash', readonly string[]>> {
  const env = hotrod.workload && hotrod.workload !== 'absent' ? hotrod.workload.env : {};
  return {
    part: partLine('HotROD', spec.ride, hotrod),
    variables: endpointVariables
      .filter((name) => name in env)
      .map((name) => `HotROD: ${name}=${String(env[name])}`),
    log: hotrod.exportErrors.map((line) => `HotROD's log: ${line}`),
    crash: crashLines(hotrod),
  };
}
