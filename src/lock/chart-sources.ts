import type { ChartSource } from '../domain/stack.js';

export type RemoteChartSource = Exclude<ChartSource, { path: string } | { embedded: string }>;

/** Whether the chart comes from a repository or registry, and so can become another one behind our back. */
export function isRemote(source: ChartSource): source is RemoteChartSource {
  return 'repository' in source || 'oci' in source;
}

/** The same chart gives the same text. */
export function describeSource(source: RemoteChartSource): string {
  return 'oci' in source
    ? `${source.oci}:${source.version}`
    : `${source.name} ${source.version} of ${source.repository}`;
}

/** Name and version of the chart: what its .tgz is called, wherever it is kept. */
export function nameOf(source: RemoteChartSource): { name: string; version: string } {
  const name = 'oci' in source ? (source.oci.split('/').at(-1) ?? '') : source.name;
  return { name, version: source.version };
}
