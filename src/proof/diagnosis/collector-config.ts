import { parse } from 'yaml';

/** What the configuration of a collector says about traces. */
export interface CollectorConfig {
  /** The receivers and exporters that are defined, whether in use or not. */
  readonly receivers: Readonly<Record<string, ReceiverConfig>>;
  readonly exporters: Readonly<Record<string, ExporterConfig>>;
  /** They stand among the exporters of a pipeline, and hand the spans on to another one. */
  readonly connectors: readonly string[];
  readonly pipelines: readonly TracesPipeline[];
}

interface ReceiverConfig {
  /** The protocols that it speaks, with the address that it listens on where one is given. */
  readonly protocols: Readonly<Record<string, string | undefined>>;
}

interface ExporterConfig {
  /** For traces. */
  readonly endpoint: string | undefined;
  /** Where it stands: `endpoint`, `traces_endpoint`. */
  readonly field: string;
  /** `tls.insecure`; `undefined` when a variable says so. */
  readonly insecure: boolean | undefined;
}

interface TracesPipeline {
  readonly name: string;
  readonly receivers: readonly string[];
  readonly exporters: readonly string[];
}

/** @returns undefined when the text is not the configuration of a collector, or what matters of it stands elsewhere */
export function parseCollectorConfig(text: string): CollectorConfig | undefined {
  const all = mapOf(yamlOf(text));
  const service = mapOf(all?.['service']);
  const pipelines = Object.entries(mapOf(service?.['pipelines']) ?? {})
    .filter(([name]) => kindOf(name) === 'traces')
    .map(([name, pipeline]) => {
      const { receivers, exporters } = mapOf(pipeline) ?? {};
      return { name, receivers: namesOf(receivers), exporters: namesOf(exporters) };
    });
  if (!service || !pipelines.every(isKnown)) return undefined;
  return {
    receivers: mapValues(all?.['receivers'], (receiver) => ({
      protocols: mapValues(receiver['protocols'], ({ endpoint }) => textOf(endpoint)),
    })),
    exporters: mapValues(all?.['exporters'], exporterOf),
    connectors: Object.keys(mapOf(all?.['connectors']) ?? {}),
    pipelines,
  };
}

/** `otlp` of `otlp/tempo`: the kind of a receiver or exporter, or the signal of a pipeline. */
export function kindOf(name: string): string {
  return name.split('/')[0] ?? name;
}

/** An exporter that sends by OTLP. */
interface OtlpExporter {
  readonly name: string;
  /** `exporters.otlp/tempo.endpoint`. */
  readonly where: string;
  readonly endpoint: string | undefined;
  readonly isHttp: boolean;
}

/** By the names of all versions: `otlp` is `otlp_grpc`, and `otlphttp` is `otlp_http` by now. */
const otlpKinds: Readonly<Record<string, 'grpc' | 'http'>> = {
  otlp: 'grpc',
  otlp_grpc: 'grpc',
  otlphttp: 'http',
  otlp_http: 'http',
};

/** They end where they are, or count: no span leaves the collector by them. */
const localKinds = ['logging', 'debug', 'file', 'nop', 'prometheus', 'prometheusremotewrite', 'spanmetrics'];

/**
 * What the exporters of the traces pipelines send to.
 * @returns those whose address is known, and of the others, that may lead anywhere, why that cannot be judged
 */
export function exportersInUse({ pipelines, exporters, connectors }: CollectorConfig): {
  readonly targets: readonly OtlpExporter[];
  readonly unjudged: readonly string[];
} {
  const names = [...new Set(pipelines.flatMap((pipeline) => pipeline.exporters))].filter(
    (name) => !connectors.includes(name) && !localKinds.includes(kindOf(name)),
  );
  const found = names.map((name) => {
    const protocol = otlpKinds[kindOf(name)];
    const { endpoint, field } = exporters[name] ?? { endpoint: undefined, field: 'endpoint' };
    const where = `exporters.${name}.${field}`;
    if (protocol === undefined) return `where exporters.${name} sends the spans to`;
    if (endpoint?.includes('$')) return `${where} is ${endpoint}, which a variable fills in`;
    return { name, where, endpoint, isHttp: protocol === 'http' };
  });
  return {
    targets: found.filter((it) => typeof it !== 'string'),
    unjudged: found.filter((it) => typeof it === 'string'),
  };
}

function exporterOf({ endpoint, traces_endpoint: ofTraces, tls }: Record<string, unknown>): ExporterConfig {
  const insecure = mapOf(tls)?.['insecure'] ?? false;
  return {
    endpoint: textOf(ofTraces) ?? textOf(endpoint),
    field: textOf(ofTraces) === undefined ? 'endpoint' : 'traces_endpoint',
    insecure: typeof insecure === 'boolean' ? insecure : booleans[(textOf(insecure) ?? '').toLowerCase()],
  };
}

/** The collector takes the text for the boolean. */
const booleans: Readonly<Record<string, boolean>> = { true: true, false: false };

function isKnown(
  pipeline: Readonly<Record<'receivers' | 'exporters', readonly string[] | undefined>> & { name: string },
): pipeline is TracesPipeline {
  return pipeline.receivers !== undefined && pipeline.exporters !== undefined;
}

/** @returns undefined when it is no list of names: a variable may hold it */
function namesOf(list: unknown): readonly string[] | undefined {
  if (list === null || list === undefined) return [];
  return Array.isArray(list) && list.every((name) => typeof name === 'string' && !name.includes('$'))
    ? (list as readonly string[])
    : undefined;
}

function mapOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function mapValues<T>(
  value: unknown,
  map: (value: Record<string, unknown>) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries(
    Object.entries(mapOf(value) ?? {}).map(([name, it]) => [name, map(mapOf(it) ?? {})]),
  );
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: -1 });
  } catch {
    return undefined;
  }
}
