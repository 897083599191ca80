import { addressText } from '../cluster-access.js';
import { kindOf } from './collector-config.js';
import type { HopFacts } from './facts.js';
import { partTrouble } from './part-trouble.js';
import { verdictsOn, type Verdict } from './verdict.js';

const verdict = verdictsOn('hop.collector');

/** The collector does not run, takes nothing over OTLP, or does not log what it takes. */
export function judgeCollector(facts: HopFacts): Verdict | undefined {
  const { spec, collector } = facts;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  const own = collector.logged?.own ?? false;
  // Its Service has the ports of its receivers: a missing receiver explains a missing port.
  const receiver = own ? undefined : otlpReceiver(facts);
  if (receiver) return receiver;
  const down = partTrouble('The collector', { namespace, service, port }, collector);
  if (down) return verdict(down.why, down.cure, ['collector', 'collector-crash'], down.passing);
  return noLog(facts);
}

function otlpReceiver({ spec, collector }: HopFacts): Verdict | undefined {
  const { config } = collector;
  if (!config) return undefined;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  const where = addressText({ namespace, service, port });
  const inUse = config.pipelines
    .flatMap(({ receivers }) => receivers)
    .filter((name) => kindOf(name) === 'otlp');
  const http = inUse
    .map((name) => config.receivers[name]?.protocols ?? {})
    .filter((protocols) => 'http' in protocols);
  if (http.length === 0)
    return verdict(
      inUse.length > 0
        ? `The otlp receiver of the collector ${where} does not speak http.`
        : `The collector ${where} has no otlp receiver in its traces pipelines (${receiversText(config.pipelines)}).`,
      `In its configuration: receivers.otlp.protocols.http with endpoint 0.0.0.0:${String(port)}, and otlp among the receivers of the traces pipeline.`,
      ['pipelines', 'spans', 'logged'],
    );
  const local = http
    .map((protocols) => protocols.http)
    .find((endpoint) => /^(localhost|127\.)/u.test(endpoint ?? ''));
  if (local === undefined) return undefined;
  return verdict(
    `The otlp receiver of the collector ${where} listens on ${local} only, so nothing outside its pod reaches it.`,
    `Set receivers.otlp.protocols.http.endpoint to 0.0.0.0:${String(port)}.`,
    ['pipelines', 'spans', 'logged'],
  );
}

function noLog({ spec, collector }: HopFacts): Verdict | undefined {
  const { config, logged } = collector;
  if (!config || !logged || logged.own || logged.others > 0) return undefined;
  const exporters = config.pipelines.flatMap((pipeline) => pipeline.exporters);
  if (exporters.some((name) => ['logging', 'debug'].includes(kindOf(name)))) return undefined;
  const { namespace, service, otlpHttpPort: port } = spec.collector;
  return verdict(
    `The collector ${addressText({ namespace, service, port })} logs no spans: its traces pipelines have the exporters ${exporters.join(', ') || 'none'}.`,
    'Add the exporter logging with loglevel debug (from 0.86 on: debug with verbosity detailed) to the traces pipeline.',
    ['pipelines', 'spans'],
  );
}

function receiversText(pipelines: readonly { name: string; receivers: readonly string[] }[]): string {
  return (
    pipelines.map(({ name, receivers }) => `${name}: ${receivers.join(', ') || 'none'}`).join('; ') ||
    'it has none'
  );
}
