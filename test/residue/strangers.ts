import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findEmbeddedBuild } from '../../src/targets/embedded/build/store.js';
import { embeddedSourceDir } from '../../src/targets/open-target.js';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { sharedCacheDir } from '../support/cache.js';
import { definition, writeChart } from '../support/chart.js';
import type { TestHelm } from '../support/helm.js';

const run = promisify(execFile);

/** Three namespaces that our stack uses as well, and one that it does not. */
const sharedNamespaces = ['monitoring', 'cert-manager', 'otel-system'] as const;
const ownNamespace = 'strangers';

const web = `apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }}-web }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: example.invalid/web:1 }] }
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }}-web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
`;

const monitor = `apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: {{ .Release.Name }}-web }
spec: { selector: { matchLabels: { app: web } }, endpoints: [{ port: http }] }
`;

/** Refuses nothing of ours, and everything of theirs: its Service has no pods. */
const webhook = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: {{ .Release.Name }}-judge }
webhooks:
  - name: judge.strangers.example
    clientConfig: { service: { namespace: {{ .Release.Namespace }}, name: {{ .Release.Name }}-web } }
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .Release.Namespace }} } }
    rules: [{ apiGroups: [things.example], apiVersions: [v1], operations: [UPDATE, DELETE], resources: ['*'] }]
    sideEffects: None
    admissionReviewVersions: [v1]
    timeoutSeconds: 1
`;

const thing = `apiVersion: things.example/v1
kind: Thing
metadata: { name: precious, finalizers: [things.example/kept] }
spec: { worth: all }
`;

/**
 * Lets others live in a cluster: releases in namespaces that our stack uses too, one of them with definitions that our
 * stack has as well and an object of theirs; definitions with objects, a webhook, what programs and people wrote.
 * @returns their objects, by the names of a snapshot, of which nobody but them should write anything
 */
export async function settleStrangers(kube: Kubernetes, helm: TestHelm): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-strangers-'));
  try {
    const install = async (name: string, namespace: string, files: Record<string, string>): Promise<void> => {
      const chart = await writeChart(join(folder, name), { name, files });
      const place = ['--namespace', namespace, '--create-namespace', '--kubeconfig', kube.kubeconfigPath];
      await run(helm.binary, ['install', name, chart, ...place], {
        env: { ...process.env, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder },
      });
    };
    const crds = await monitorDefinition();
    await install('theirs', 'monitoring', {
      'crds/all.yaml': crds,
      'templates/all.yaml': `${web}---\n${monitor}`,
    });
    await install('things', ownNamespace, {
      'crds/all.yaml': definition('things', 'Thing', 'things.example'),
      'templates/all.yaml': `${web}---\n${thing}---\n${webhook}`,
    });
    await install('tool', 'cert-manager', { 'templates/all.yaml': web });
    await write(kube, 'otel-system', 'Namespace', 'kubectl-create');
    for (const namespace of sharedNamespaces) {
      await write(kube, namespace, 'Secret', 'some-program', 'written-by-a-program');
      await write(kube, namespace, 'ConfigMap', 'kubectl-create', 'written-by-a-person');
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return strangers();
}

function strangers(): string[] {
  const releases = [
    ['theirs', 'monitoring'],
    ['things', ownNamespace],
    ['tool', 'cert-manager'],
  ] as const;
  return [
    ...releases.flatMap(([name, namespace]) => [
      `Namespace ${namespace}`,
      `ConfigMap ${namespace}/${name}-config`,
      `Service ${namespace}/${name}-web`,
      `apps/Deployment ${namespace}/${name}-web`,
      `Secret ${namespace}/sh.helm.release.v1.${name}.v1`,
    ]),
    'Namespace otel-system',
    'monitoring.coreos.com/ServiceMonitor monitoring/theirs-web',
    'apiextensions.k8s.io/CustomResourceDefinition servicemonitors.monitoring.coreos.com',
    'apiextensions.k8s.io/CustomResourceDefinition things.things.example',
    `things.example/Thing ${ownNamespace}/precious`,
    'admissionregistration.k8s.io/ValidatingWebhookConfiguration things-judge',
    ...sharedNamespaces.flatMap((namespace) => [
      `Secret ${namespace}/written-by-a-program`,
      `ConfigMap ${namespace}/written-by-a-person`,
    ]),
  ];
}

/** Of the chart that our stack installs: the very same definition, made by somebody else. */
async function monitorDefinition(): Promise<string> {
  const build = await findEmbeddedBuild({ sourceDir: embeddedSourceDir, cacheDir: sharedCacheDir });
  if (!build) throw new Error('There is no embedded build, so no chart whose definitions can be had.');
  const folder = join(build.charts, 'kube-prometheus-stack', 'crds');
  const file = (await readdir(folder)).find((name) => name.includes('servicemonitors'));
  if (file === undefined) throw new Error(`There is no definition of service monitors in ${folder}.`);
  return readFile(join(folder, file), 'utf8');
}

async function write(
  kube: Kubernetes,
  namespace: string,
  kind: 'Namespace' | 'Secret' | 'ConfigMap',
  fieldManager: string,
  name = namespace,
): Promise<void> {
  const place = kind === 'Namespace' ? 'namespaces' : `namespaces/${namespace}/${kind.toLowerCase()}s`;
  await kube.json({
    method: 'POST',
    path: `/api/v1/${place}`,
    query: { fieldManager },
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { name } }),
  });
}
