import { addressText } from '../cluster-access.js';
import { endpointTrouble } from './endpoint.js';
import type { HopFacts } from './facts.js';
import { partTrouble } from './part-trouble.js';
import type { Verdict } from './verdict.js';

/** Tempo has the trace, but Grafana does not show it. */
export function judgeGrafana({ spec, grafana }: HopFacts): Verdict | undefined {
  if (!grafana || 'skip' in spec.grafana) return undefined;
  const down = partTrouble('Grafana', spec.grafana, grafana);
  if (down) return verdict(down.why, down.cure, down.passing);
  const { datasource } = spec.grafana;
  const names = grafana.datasources.map(({ name }) => name);
  const use = grafana.datasources.find(({ name }) => name === datasource);
  if (!use) {
    if (names.length === 0) return undefined;
    return verdict(
      `Grafana at ${addressText(spec.grafana)} is provisioned with the datasources ${names.join(', ')}, but not with ${datasource}.`,
      `Add the datasource ${datasource} to the chart's additionalDataSources, or correct proof.grafana.datasource in the stack file.`,
    );
  }
  const right = `http://${addressText(spec.tempo)}`;
  const trouble = endpointTrouble(use, right);
  if (trouble) return verdict(`Grafana cannot reach Tempo: ${use.where} ${trouble.why}.`, trouble.cure);
  const named = use.endpoint?.service;
  const isOurs =
    !named ||
    (named.service === spec.tempo.service &&
      named.namespace === spec.tempo.namespace &&
      use.endpoint.port === spec.tempo.port);
  if (isOurs) return undefined;
  return verdict(
    `Grafana asks something else than the Tempo of this stack: ${use.where} is ${String(use.text)}.`,
    `Set ${use.where} to ${right}.`,
  );
}

function verdict(message: string, remedy: string, retryable = false): Verdict {
  return { type: 'hop.grafana', message, remedy, retryable, decidedBy: ['datasources', 'grafana'] };
}
