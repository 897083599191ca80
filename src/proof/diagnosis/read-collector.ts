import { findLoggedTrace, type LoggedTrace } from '../collector-log.js';
import { clockToleranceMs } from '../run.js';
import { kindOf, parseCollectorConfig, type CollectorConfig } from './collector-config.js';
import type { CollectorFacts } from './facts.js';
import type { FactsRequest } from './facts-request.js';
import { readEndpoint } from './read-endpoint.js';
import { readPart } from './read-part.js';
import { unlessUnknown, type Reader } from './reader.js';

/** The collector with its configuration, its log of the trace and where it sends to. */
export async function readCollector(request: FactsRequest): Promise<Omit<CollectorFacts, 'counts'>> {
  const { read, spec } = request;
  const { namespace } = spec.collector;
  const { service, workload, configMaps } = await readPart(read, spec.collector);
  const [config, logged] = await Promise.all([readConfig(read, namespace, configMaps), readLogged(request)]);
  return {
    service,
    workload,
    config,
    logged,
    targets: config ? await readTargets(read, namespace, config) : [],
  };
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
  const { namespace, podSelector: selector } = spec.collector;
  const find = async (sinceTime: Date): Promise<LoggedTrace> =>
    findLoggedTrace(await kube.podLogs({ namespace, selector, sinceTime, signal }), ride.identity);
  return unlessUnknown(async () => {
    const [whole, recent] = await Promise.all([
      // Spans are told by their trace, whatever a node's clock says; failed exports only by their time.
      find(new Date(ride.startMs - clockToleranceMs)),
      find(new Date(logsSince)),
    ]);
    return { ...whole, exportErrors: recent.exportErrors };
  });
}

/** The exporters of the traces pipelines that send by OTLP; others cannot reach Tempo's receiver of the tutorial. */
async function readTargets(
  read: Reader,
  namespace: string,
  { pipelines, exporters }: CollectorConfig,
): Promise<CollectorFacts['targets']> {
  const names = [...new Set(pipelines.flatMap((pipeline) => pipeline.exporters))].filter((name) =>
    kindOf(name).startsWith('otlp'),
  );
  const uses = await Promise.all(
    names.map(async (exporter) => {
      const use = await readEndpoint(read, {
        where: `exporters.${exporter}.endpoint`,
        text: exporters[exporter]?.endpoint,
        namespace,
        defaultPort: kindOf(exporter).endsWith('http') ? 4_318 : 4_317,
      });
      return use && { ...use, exporter };
    }),
  );
  return uses.filter((use) => use !== undefined);
}
