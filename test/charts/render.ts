import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { loadConfig } from '../../src/config.js';
import { provideHelm } from '../../src/tools/helm-binary.js';
import { run } from '../../src/tools/process.js';
import { loadStack } from '../../src/stack-file.js';
import { sharedCacheDir } from '../support/cache.js';

export const repository = join(import.meta.dirname, '..', '..');
export const ourCharts = ['trace-store', 'kube-prometheus-stack', 'opentelemetry-operator'] as const;

/** As much of a Kubernetes object as the tests look at. */
export interface Rendered {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec?: unknown;
}

/** Helm of this machine, or the pinned download. */
export async function helm(args: readonly string[], input?: string): Promise<string> {
  const { path } = await provideHelm({ cacheDir: sharedCacheDir, environment: loadConfig().environment });
  return (await run(path, args, input === undefined ? {} : { input })).stdout;
}

export function chartFolder(name: string): string {
  return join(repository, 'embedded', 'charts', name);
}

/** Our chart of a component of stacks/embedded.yaml, rendered as the stack says. `values` replaces the stack's. */
export async function renderComponent(component: string, values?: object): Promise<Rendered[]> {
  const { stack } = await loadStack('embedded', { builtInDir: join(repository, 'stacks') });
  const release = stack.components[component]?.release;
  if (!release || !('embedded' in release.chart)) throw new Error(`${component} has no chart of ours`);
  const { chart, namespace, name = component } = release;
  const args = ['template', name, chartFolder(chart.embedded), '--namespace', namespace, '--values', '-'];
  const text = await helm(args, stringify(values ?? release.values));
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

/** The one object of that kind and name. */
export function only(objects: readonly Rendered[], kind: string, name: string): Rendered {
  const [object, ...others] = objects.filter((it) => it.kind === kind && it.metadata.name === name);
  if (!object || others.length > 0) throw new Error(`not exactly one ${kind} ${name}`);
  return object;
}
