import type { ProofSpec } from '../../domain/stack.js';
import type { HopFacts } from './facts.js';
import type { Verdict } from './verdict.js';

/**
 * Where somebody has changed by hand what the stack file says of the broken hop, `up` puts it back, and `retry` would
 * only prove again that it is broken. Then the cure says so, and keeps the other way for whoever wants the change.
 */
export function withPutBack(verdict: Verdict, { spec, changes = [] }: HopFacts): Verdict {
  const places = placesOf(verdict.type, spec);
  const suspects = changes.filter(({ namespace }) => namespace !== undefined && places.includes(namespace));
  if (suspects.length === 0) return verdict;
  const texts = suspects.map(({ text }) => text).join('; ');
  return {
    ...verdict,
    remedy: `\`tracewright up\`, called as before, puts back what was changed by hand: ${texts}. Or mend it otherwise, then \`tracewright retry\`: ${verdict.remedy}`,
    decidedBy: ['changes', ...verdict.decidedBy],
  };
}

/** The namespaces of the parts that can break such a hop. */
function placesOf(type: Verdict['type'], { ride, collector, tempo, grafana }: ProofSpec): readonly string[] {
  switch (type) {
    case 'hop.hotrod':
      return [ride.namespace];
    case 'hop.hotrod-collector':
      return [ride.namespace, collector.namespace];
    case 'hop.collector':
    case 'hop.collector-tempo':
      return [collector.namespace];
    case 'hop.tempo':
    case 'hop.search':
      return [tempo.namespace];
    case 'hop.grafana':
      return 'skip' in grafana ? [] : [grafana.namespace];
    case 'hop.service-name':
      return [];
  }
}
