import { parse } from 'yaml';
import { z } from 'zod';
import { addressText, storeText, storeTitle } from '../cluster-access.js';
import { endpointTrouble, readEndpoint } from './endpoint.js';
import type { FactsRequest, GrafanaFacts, HopFacts, Verdict } from './facts.js';
import { partLine, partTrouble, readPart } from './part.js';
import { unlessUnknown } from './reader.js';

/** Grafana and the datasources that it is provisioned with; undefined where the stack has none. */
export async function readGrafana({ read, spec }: FactsRequest): Promise<GrafanaFacts | undefined> {
  if ('skip' in spec.grafana) return undefined;
  const { namespace } = spec.grafana;
  const [{ service, workload }, configMaps] = await Promise.all([
    readPart(read, spec.grafana),
    // The sidecar of Grafana's chart, and so of the Prometheus stack, looks for this label.
    read.list<{ data?: Readonly<Record<string, string>> }>(`/api/v1/namespaces/${namespace}/configmaps`, {
      labelSelector: 'grafana_datasource',
    }),
  ]);
  const texts = configMaps?.flatMap(({ data }) => Object.values(data ?? {})) ?? [];
  const provisioned = (await Promise.all(texts.map(datasourcesIn))).flat();
  const datasources = await Promise.all(
    provisioned.map(async ({ name, url }) => {
      const where = `the url of the datasource ${name}`;
      const use = await readEndpoint(read, { where, text: url, namespace, defaultPort: 80 });
      return use && { ...use, name };
    }),
  );
  return { service, workload, datasources: datasources.filter((use) => use !== undefined) };
}

const provisioning = z.looseObject({
  datasources: z.array(z.looseObject({ name: z.string(), url: z.string().optional() })).default([]),
});

async function datasourcesIn(text: string): Promise<readonly { name: string; url?: string | undefined }[]> {
  const parsed = await unlessUnknown(() => Promise.resolve(provisioning.parse(parse(text))));
  return parsed?.datasources ?? [];
}

/** Tempo has the trace, but Grafana does not show it. */
export function judgeGrafana(facts: HopFacts): Verdict | undefined {
  const { spec, grafana } = facts;
  const { part, datasources } = grafanaEvidence(facts);
  const verdict = (message: string, remedy: string, retryable = false): Verdict => ({
    type: 'hop.grafana',
    message,
    remedy,
    retryable,
    evidence: [...datasources, ...part],
  });
  if (!grafana || 'skip' in spec.grafana) return undefined;
  const down = partTrouble('Grafana', spec.grafana, grafana);
  if (down) return verdict(down.why, down.fix, down.passing);
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
  if (trouble)
    return verdict(
      `Grafana cannot reach ${storeTitle(spec.tempo)}: ${use.where} ${trouble.why}.`,
      trouble.fix,
      trouble.passing,
    );
  const named = use.endpoint?.service;
  const isOurs =
    !named ||
    (named.service === spec.tempo.service &&
      named.namespace === spec.tempo.namespace &&
      use.endpoint.port === spec.tempo.port);
  if (isOurs) return undefined;
  return verdict(
    `Grafana asks something else than ${storeText(spec.tempo)}: ${use.where} is ${String(use.text)}.`,
    `Set ${use.where} to ${right}.`,
  );
}

/** What was seen of Grafana, one text a line. */
export function grafanaEvidence({
  spec,
  grafana,
}: HopFacts): Readonly<Record<'part' | 'datasources', readonly string[]>> {
  return {
    part: grafana && !('skip' in spec.grafana) ? partLine('Grafana', spec.grafana, grafana) : [],
    datasources: (grafana?.datasources ?? []).map(
      ({ name, text }) => `Grafana: datasource ${name} at ${String(text)}`,
    ),
  };
}
