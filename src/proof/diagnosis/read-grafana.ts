import { parse } from 'yaml';
import { z } from 'zod';
import type { GrafanaFacts } from './facts.js';
import type { FactsRequest } from './facts-request.js';
import { readEndpoint } from './read-endpoint.js';
import { readPart } from './read-part.js';
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
