import { readCounters, type Counters } from './counters.js';
import type { CollectorFacts, HopFacts, TempoFacts } from './facts.js';
import type { FactsRequest } from './facts-request.js';
import { increase, increaseOfCounts, total } from './metrics.js';
import { readCollector } from './read-collector.js';
import { readGrafana } from './read-grafana.js';
import { readHotrod } from './read-hotrod.js';
import { readTempo } from './read-tempo.js';

/** Looks at the whole stack at once. Reads only, and never throws: what cannot be found out is `undefined`. */
export async function readFacts(request: FactsRequest): Promise<Omit<HopFacts, 'changes'>> {
  const { read, kube, spec, broken, before, signal } = request;
  const [hotrod, collector, tempo, grafana, after] = await Promise.all([
    readHotrod(request),
    readCollector(request),
    readTempo(request),
    readGrafana(request),
    readCounters(read, kube, spec, signal),
  ]);
  return {
    spec,
    broken,
    hotrod,
    collector: { ...collector, counts: collectorIncrease(before, after) },
    tempo: { ...tempo, ...tempoIncrease(before, after) },
    grafana,
  };
}

function collectorIncrease(before: Counters, after: Counters): CollectorFacts['counts'] {
  return before.collector && after.collector && increaseOfCounts(before.collector, after.collector);
}

function tempoIncrease(before: Counters, after: Counters): Pick<TempoFacts, 'received' | 'discarded'> {
  if (!before.tempo || !after.tempo) return { received: undefined, discarded: {} };
  return {
    received: total(increase(before.tempo.received, after.tempo.received)),
    discarded: increase(before.tempo.discarded, after.tempo.discarded),
  };
}
