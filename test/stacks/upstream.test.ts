import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { builtInStacks, withChartsFrom } from '../../src/cli/stack-sources.js';
import { imagesOf } from '../../src/domain/images.js';
import type { KubernetesObjectSpec, ReleaseSpec, Stack } from '../../src/domain/stack.js';
import { loadStack } from '../../src/stack-file.js';
import { createHelm, type Helm } from '../../src/tools/helm/helm.js';
import { parseManifests } from '../../src/tools/kubernetes/manifests.js';
import { testHelms } from '../support/helm.js';
import {
  tempoContainersOfTheTutorial,
  tempoLabelsOfTheTutorial,
  tempoPortsOfTheTutorial,
} from './tutorial.js';
import { leavesOf, withLeaf } from '../support/leaves.js';

/** A folder with the true charts as .tgz: what `helm pull` gives where there is internet. */
const folder = process.env['TRACEWRIGHT_TEST_CHARTS'];
if (folder === undefined)
  console.warn(
    'The tests with the true upstream charts are SKIPPED: TRACEWRIGHT_TEST_CHARTS names no folder.',
  );

let home: string;
let helm: Helm;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'tracewright-upstream-'));
  const [{ binary } = { binary: '' }] = testHelms;
  helm = createHelm({ binary, homeDir: home, kubeconfigPath: join(home, 'none') });
});
afterAll(() => rm(home, { recursive: true }));

/** Kinds of which the tutorial shows the names. */
const shown = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Prometheus', 'Alertmanager']);

const releasesOf = (stack: Stack): [string, ReleaseSpec][] =>
  Object.entries(stack.components).flatMap(([name, { release }]) => (release ? [[name, release]] : []));

function chartPath({ chart }: ReleaseSpec): string {
  if (!('path' in chart)) throw new Error('the chart is not in the folder');
  return chart.path;
}

async function render(name: string, release: ReleaseSpec, values: object = release.values): Promise<string> {
  const place = { name: release.name ?? name, namespace: release.namespace };
  return helm.template({ ...place, chartPath: chartPath(release), values: { ...values } });
}

describe.skipIf(folder === undefined).each(['tutorial', 'current'])('the true charts of %s', (name) => {
  let stack: Stack;
  let objects: KubernetesObjectSpec[];
  beforeAll(async () => {
    const loaded = await loadStack(name, { builtInDir: builtInStacks });
    stack = await withChartsFrom(loaded.stack, folder);
    const texts = await Promise.all(releasesOf(stack).map(([component, it]) => render(component, it)));
    objects = texts.flatMap(parseManifests);
  });

  test("give the tutorial's workloads", () => {
    const names = objects
      .filter(({ kind }) => shown.has(kind))
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(names.sort()).toEqual([
      'Alertmanager/kube-stack-prometheus-kube-alertmanager',
      'DaemonSet/kube-stack-prometheus-prometheus-node-exporter',
      'Deployment/cert-manager',
      'Deployment/cert-manager-cainjector',
      'Deployment/cert-manager-webhook',
      'Deployment/kube-stack-prometheus-grafana',
      'Deployment/kube-stack-prometheus-kube-operator',
      'Deployment/kube-stack-prometheus-kube-state-metrics',
      'Deployment/opentelemetry-operator',
      'Prometheus/kube-stack-prometheus-kube-prometheus',
      'StatefulSet/tempo',
    ]);
  });

  test('have every workload that a check waits for, and every port that is asked', () => {
    const workloads = new Set(
      objects.flatMap(({ kind, metadata }) => [
        `${kind}/${metadata.name}`,
        // What the operator makes of its custom resources.
        `StatefulSet/${kind.toLowerCase()}-${metadata.name}`,
      ]),
    );
    const ports = objects.flatMap(({ kind, metadata, spec }) =>
      kind === 'Service'
        ? (spec as { ports: { port: number }[] }).ports.map(({ port }) => `${metadata.name}:${String(port)}`)
        : [],
    );
    for (const [component] of releasesOf(stack))
      for (const check of stack.components[component]?.ready ?? []) {
        if ('rollout' in check) expect(workloads).toContain(check.rollout);
        if ('http' in check) expect(ports).toContain(`${check.http.service}:${String(check.http.port)}`);
      }
    const { tempo, grafana } = stack.proof;
    expect(ports).toContain(`${tempo.service}:${String(tempo.port)}`);
    if ('skip' in grafana) throw new Error('the stack has a Grafana');
    expect(ports).toContain(`${grafana.service}:${String(grafana.port)}`);
    const secret = objects.find(
      ({ kind, metadata }) => kind === 'Secret' && metadata.name === grafana.secret?.name,
    );
    expect(Object.keys(secret?.['data'] as object)).toEqual(
      expect.arrayContaining([grafana.secret?.userKey, grafana.secret?.passwordKey]),
    );
  });

  test('give Grafana the values of the stack', () => {
    const settings = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'kube-stack-prometheus-grafana',
    );
    const ini = (settings?.['data'] as Record<string, string>)['grafana.ini'] ?? '';
    expect(ini).toMatch(/\[auth\.anonymous\]\nenabled = true\norg_role = Viewer\n/u);
    expect(ini).toMatch(/\[users\]\n(?:.*\n)*?viewers_can_edit = true\n/u);
    expect(ini.includes('traceqlEditor')).toBe(name === 'tutorial');
    const { port } = stack.proof.tempo;
    expect(datasourcesOf(objects)).toContainEqual(
      expect.objectContaining({
        name: 'Tempo',
        type: 'tempo',
        access: 'proxy',
        url: `http://tempo.tracing:${String(port)}`,
      }),
    );
  });

  test.runIf(name === 'tutorial')('give the Tempo that the tutorial shows', () => {
    const tempo = objects.filter(({ metadata }) => metadata.name === 'tempo');
    const [service, set] = ['Service', 'StatefulSet'].map((kind) => tempo.find((it) => it.kind === kind));
    const { ports } = service?.['spec'] as { ports: { port: number; protocol?: string }[] };
    expect(ports.map(({ port, protocol = 'TCP' }) => `${String(port)}/${protocol}`)).toEqual(
      tempoPortsOfTheTutorial,
    );
    expect(set?.metadata).toMatchObject({ labels: tempoLabelsOfTheTutorial });
    const { containers } = (set?.['spec'] as { template: { spec: { containers: object[] } } }).template.spec;
    expect(containers).toMatchObject(tempoContainersOfTheTutorial);
    expect(containers).toHaveLength(2);
    expect(imagesOf(objects).some((image) => image.endsWith('grafana/grafana:9.3.6'))).toBe(true);
  });

  // A value that a chart does not know changes nothing, and helm says nothing about it.
  test('know every value of the stack', { timeout: 900_000 }, async () => {
    for (const [component, release] of releasesOf(stack)) {
      const before = await stableText(component, release, release.values);
      expect(await stableText(component, release, release.values), component).toBe(before);
      for (const path of leavesOf(release.values)) {
        const changed = withLeaf(release.values, path);
        const after = await stableText(component, release, changed);
        expect(after !== before, `${component}: ${path.join('.')}`).toBe(true);
      }
    }
  });

  test('name only images whose places are known', () => {
    const images = imagesOf(objects);
    expect(images.length).toBeGreaterThan(12);
    expect(images.filter((image) => !/:[^/]+$/u.test(image))).toEqual([]);
    expect(images.filter((image) => image.startsWith('gcr.io/kubebuilder/'))).toEqual([]);
    const paths = images.map((image) => image.replace(/^[\w-]+(?:\.[\w-]+)+\//u, ''));
    // Below a mirror the registries fall together.
    expect(new Set(paths).size).toBe(images.length);
  });
});

/** Of all that Grafana is provisioned with. */
function datasourcesOf(objects: readonly KubernetesObjectSpec[]): unknown[] {
  return objects
    .filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.endsWith('grafana-datasource'))
    .flatMap(({ data }) => Object.values(data as Record<string, string>))
    .flatMap((text) => (parse(text) as { datasources: unknown[] }).datasources);
}

/** Without what is random in each rendering: certificates, passwords and the checksums of them. */
async function stableText(name: string, release: ReleaseSpec, values: object): Promise<string> {
  const text = await render(name, release, values);
  return text.replace(/^.*(?:checksum\/secret|admin-password|caBundle|tls\.(?:crt|key)|ca\.crt).*$/gmu, '');
}
