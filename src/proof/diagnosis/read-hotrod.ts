import type { EndpointUse } from './endpoint.js';
import type { HotrodFacts, WorkloadFacts } from './facts.js';
import type { FactsRequest } from './facts-request.js';
import { hotrodExporter, variableInUse } from './hotrod-exporter.js';
import { readEndpoint } from './read-endpoint.js';
import { linesOf, newestOf, readPart } from './read-part.js';
import type { Reader } from './reader.js';

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
  { name, image, args, env }: WorkloadFacts,
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
  });
}
