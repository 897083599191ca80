import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadStack } from '../../src/stack-file.js';
import { chartFolder, helm, only, ourCharts, renderComponent, repository, type Rendered } from './render.js';

const components = ['trace-store', 'prometheus-stack', 'operator'];

interface Container {
  name: string;
  image?: string;
  args?: string[];
  resources?: { limits?: Record<string, string> };
  securityContext?: Record<string, unknown>;
}

interface Webhook {
  name: string;
  failurePolicy: string;
  timeoutSeconds?: number;
  objectSelector?: { matchExpressions: unknown[] };
}

interface PodSpec {
  securityContext: { runAsNonRoot?: boolean; seccompProfile?: unknown };
  containers: Container[];
}

function podSpecs(objects: readonly Rendered[]): PodSpec[] {
  return objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map(({ spec }) => (spec as { template: { spec: PodSpec } }).template.spec);
}

function servicePorts(service: Rendered): string[] {
  const { ports } = service.spec as { ports: { port: number; protocol?: string }[] };
  return ports.map(({ port, protocol = 'TCP' }) => `${String(port)}/${protocol}`);
}

describe.each(ourCharts)('the chart %s', (name) => {
  test('is without fault for helm lint', async () => {
    expect(await helm(['lint', '--strict', chartFolder(name)])).toContain('0 chart(s) failed');
  });
});

describe.each(components)('the pods of %s', (component) => {
  test('run without root, without privileges and without a CPU limit', async () => {
    const pods = podSpecs(await renderComponent(component));
    expect(pods.length).toBeGreaterThan(0);
    for (const { securityContext, containers } of pods) {
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of containers) {
        expect(container.resources?.limits).toBeUndefined();
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });
});

test('every image is one that the embedded build makes', async () => {
  const catalog = parse(await readFile(join(repository, 'embedded', 'programs.yaml'), 'utf8')) as {
    images: { refs: Record<string, unknown> }[];
  };
  const built = catalog.images.flatMap(({ refs }) => Object.keys(refs));
  const rendered = (await Promise.all(components.map((component) => renderComponent(component)))).flat();
  const { stack } = await loadStack('embedded', { builtInDir: join(repository, 'stacks') });
  const hotrod = stack.components['hotrod']?.manifests?.objects ?? [];
  const text = JSON.stringify([rendered, hotrod]);
  const named = [...text.matchAll(/"image":"([^"]+)"|image=([^"]+)"|config-reloader=([^"]+)"/gu)];
  const images = new Set(
    named.map(([, field, flag, reloader]) => field ?? flag ?? reloader).filter((it) => it?.includes(':')),
  );
  expect(images.size).toBe(7);
  expect(built).toEqual(expect.arrayContaining([...images]));
});

describe('trace-store', () => {
  test('is Tempo to the tutorial’s collector: its Service has the name and the ports', async () => {
    const objects = await renderComponent('trace-store');
    only(objects, 'StatefulSet', 'trace-store');
    const ports = servicePorts(only(objects, 'Service', 'tempo'));
    expect(ports).toEqual(
      expect.arrayContaining(['3100/TCP', '4317/TCP', '4318/TCP', '14250/TCP', '14268/TCP', '9411/TCP']),
    );
    expect(ports).toEqual(expect.arrayContaining(['6831/UDP', '6832/UDP']));
  });

  test('is configured as its values say', async () => {
    const objects = await renderComponent('trace-store', {
      config: { extensions: { api: { limit_mib: 64 } } },
    });
    only(objects, 'Service', 'trace-store');
    const { data } = only(objects, 'ConfigMap', 'trace-store') as unknown as { data: Record<string, string> };
    expect(parse(data['trace-store.yaml'] ?? '')).toMatchObject({
      extensions: { api: { endpoint: '0.0.0.0:3100', limit_mib: 64 } },
      receivers: { otlp: { protocols: { grpc: { endpoint: '0.0.0.0:4317' } } } },
    });
    expect(JSON.stringify(only(objects, 'StatefulSet', 'trace-store'))).toContain(
      '{"name":"GOMEMLIMIT","value":"128MiB"}',
    );
  });
});

describe('kube-prometheus-stack', () => {
  const prometheus = 'kube-stack-prometheus-kube-prometheus';
  const selectors = ['serviceMonitorSelector', 'podMonitorSelector', 'probeSelector', 'ruleSelector'];

  test('has the names that the community chart gives with the tutorial’s release name', async () => {
    const objects = await renderComponent('prometheus-stack');
    only(objects, 'Deployment', 'kube-stack-prometheus-kube-operator');
    only(objects, 'Prometheus', prometheus);
    expect(servicePorts(only(objects, 'Service', prometheus))).toEqual(['9090/TCP']);
  });

  test('takes all monitors of the cluster with the tutorial’s values', async () => {
    const { spec } = only(await renderComponent('prometheus-stack'), 'Prometheus', prometheus);
    for (const selector of selectors) expect(spec).toHaveProperty(selector, {});
    expect(spec).toMatchObject({ serviceMonitorNamespaceSelector: {}, ruleNamespaceSelector: {} });
  });

  test('takes those of its release without them, and those that a selector names', async () => {
    const { spec } = only(await renderComponent('prometheus-stack', {}), 'Prometheus', prometheus);
    const ofTheRelease = { matchLabels: { release: 'kube-stack-prometheus' } };
    for (const selector of selectors) expect(spec).toHaveProperty(selector, ofTheRelease);
    const podMonitorSelector = { matchLabels: { team: 'mine' } };
    const named = await renderComponent('prometheus-stack', {
      prometheus: { prometheusSpec: { podMonitorSelector } },
    });
    expect(only(named, 'Prometheus', prometheus).spec).toMatchObject({ podMonitorSelector });
  });

  test('scrapes itself, its operator, the API server and the trace store', async () => {
    const objects = await renderComponent('prometheus-stack');
    const monitors = objects
      .filter(({ kind }) => kind === 'ServiceMonitor')
      .map(({ metadata }) => metadata.name);
    expect(monitors.sort()).toEqual([
      'kube-stack-prometheus-kube-apiserver',
      'kube-stack-prometheus-kube-operator',
      'kube-stack-prometheus-kube-prometheus',
      'trace-store',
    ]);
  });
});

describe('opentelemetry-operator', () => {
  test('has webhooks that let nothing unchecked in and hold no pod up', async () => {
    const objects = await renderComponent('operator');
    only(objects, 'Deployment', 'opentelemetry-operator');
    const webhooks = objects
      .filter(({ kind }) => kind.endsWith('WebhookConfiguration'))
      .flatMap((it) => (it as unknown as { webhooks: Webhook[] }).webhooks);
    const policies = Object.fromEntries(webhooks.map(({ name, failurePolicy }) => [name, failurePolicy]));
    expect(policies).toMatchObject({
      'mopentelemetrycollector.kb.io': 'Fail',
      'vopentelemetrycollectorcreateupdate.kb.io': 'Fail',
      'vopentelemetrycollectordelete.kb.io': 'Ignore',
      'mpod.kb.io': 'Ignore',
    });
    expect(webhooks).toHaveLength(10);
    // Not even its own pod, which is made while nobody answers yet.
    const { template } = only(objects, 'Deployment', 'opentelemetry-operator').spec as {
      template: { metadata: { labels: Record<string, string> } };
    };
    const ofPods = webhooks.find(({ name }) => name === 'mpod.kb.io');
    expect(ofPods?.timeoutSeconds).toBeLessThan(10);
    expect(ofPods?.objectSelector?.matchExpressions).toEqual([
      {
        key: 'app.kubernetes.io/name',
        operator: 'NotIn',
        values: [template.metadata.labels['app.kubernetes.io/name']],
      },
    ]);
  });

  test('serves with the certificate that cert-manager makes for its Service', async () => {
    const objects = await renderComponent('operator');
    const { spec } = only(objects, 'Certificate', 'opentelemetry-operator-serving-cert');
    const { dnsNames, secretName } = spec as { dnsNames: string[]; secretName: string };
    const service = only(objects, 'Service', 'opentelemetry-operator-webhook');
    expect(dnsNames).toContain(`${service.metadata.name}.otel-system.svc`);
    expect(JSON.stringify(podSpecs(objects))).toContain(`"secretName":"${secretName}"`);
    for (const object of objects.filter(({ kind }) => kind.endsWith('WebhookConfiguration'))) {
      expect(JSON.stringify(object)).toContain(
        '"cert-manager.io/inject-ca-from":"otel-system/opentelemetry-operator-serving-cert"',
      );
    }
  });

  test('makes collectors of 0.73.0, alone and without a lease', async () => {
    const objects = await renderComponent('operator');
    const { spec } = only(objects, 'Deployment', 'opentelemetry-operator');
    expect(spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
    const args = podSpecs(objects)[0]?.containers[0]?.args;
    expect(args).toContain('--collector-image=otel/opentelemetry-collector-contrib:0.73.0');
    expect(args).not.toContain('--enable-leader-election');
    expect(JSON.stringify(objects)).not.toContain('leases');
  });
});
