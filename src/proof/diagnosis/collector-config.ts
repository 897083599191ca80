import { parse } from 'yaml';
import { z } from 'zod';

/** What the configuration of a collector says about traces. */
export interface CollectorConfig {
  /** The receivers, exporters and pipelines that are defined, whether in use or not. */
  readonly receivers: Readonly<Record<string, ReceiverConfig>>;
  readonly exporters: Readonly<Record<string, ExporterConfig>>;
  readonly pipelines: readonly TracesPipeline[];
}

export interface ReceiverConfig {
  /** The protocols that it speaks, with the address that it listens on where one is given. */
  readonly protocols: Readonly<Record<string, string | undefined>>;
}

export interface ExporterConfig {
  readonly endpoint: string | undefined;
  /** `tls.insecure`. */
  readonly insecure: boolean;
}

export interface TracesPipeline {
  readonly name: string;
  readonly receivers: readonly string[];
  readonly exporters: readonly string[];
}

const named = <T extends z.ZodType>(value: T) => z.record(z.string(), value.nullable()).nullish();
const names = z.array(z.string()).nullish();
const schema = z.looseObject({
  receivers: named(z.looseObject({ protocols: named(z.looseObject({ endpoint: z.string().optional() })) })),
  exporters: named(
    z.looseObject({
      endpoint: z.string().optional(),
      tls: z.looseObject({ insecure: z.boolean().optional() }).nullish(),
    }),
  ),
  service: z.looseObject({
    pipelines: named(z.looseObject({ receivers: names, exporters: names })),
  }),
});

/** @returns undefined when the text is not the configuration of a collector */
export function parseCollectorConfig(text: string): CollectorConfig | undefined {
  const parsed = schema.safeParse(yamlOf(text));
  if (!parsed.success) return undefined;
  const { receivers, exporters, service } = parsed.data;
  return {
    receivers: mapValues(receivers, (receiver) => ({
      protocols: mapValues(receiver?.protocols, (protocol) => protocol?.endpoint),
    })),
    exporters: mapValues(exporters, (exporter) => ({
      endpoint: exporter?.endpoint,
      insecure: exporter?.tls?.insecure ?? false,
    })),
    pipelines: Object.entries(service.pipelines ?? {})
      .filter(([name]) => kindOf(name) === 'traces')
      .map(([name, pipeline]) => ({
        name,
        receivers: pipeline?.receivers ?? [],
        exporters: pipeline?.exporters ?? [],
      })),
  };
}

/** `otlp` of `otlp/tempo`: the kind of a receiver or exporter, or the signal of a pipeline. */
export function kindOf(name: string): string {
  return name.split('/')[0] ?? name;
}

function mapValues<A, B>(
  record: Record<string, A> | null | undefined,
  map: (value: A) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record ?? {}).map(([name, value]) => [name, map(value)]));
}

function yamlOf(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
