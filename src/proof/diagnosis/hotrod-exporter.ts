/** How HotROD sends its spans, and which variable tells it where to. */
export interface HotrodExporter {
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
export const endpointVariables = [
  ...[jaeger, otlp].flatMap(({ variable, stronger }) => [variable, ...stronger]),
  'JAEGER_AGENT_HOST',
  'OTEL_EXPORTER_JAEGER_AGENT_HOST',
];

/** By UDP: neither the address nor the receiver can be judged as that of an endpoint. */
export function sendsToAgent(
  { knowsAgents }: HotrodExporter,
  env: Readonly<Record<string, string>>,
): boolean {
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
export function hotrodExporter(
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
export function hotrodVersion(image: string): readonly [major: number, minor: number] | undefined {
  const [, major, minor] = /:v?(\d+)\.(\d+)(?:[.-][\w.-]*)?(?:@.*)?$/u.exec(image) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

/** `-x otlp`, `--otel-exporter=otlp`. */
function exporterFlag(args: readonly string[]): string | undefined {
  const [, value] = /(?:^| )(?:-x|--otel-exporter)[ =]?(\w+)/u.exec(args.join(' ')) ?? [];
  return value;
}

/** The variable that counts, among those that are set; undefined when none is. */
export function variableInUse(
  { variable, stronger }: HotrodExporter,
  env: Readonly<Record<string, string>>,
): string | undefined {
  return [...stronger, variable].find((name) => name in env);
}
