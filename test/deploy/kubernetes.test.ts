import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { provideKubectl } from '../../src/tools/helm-binary.js';
import { resolveContext } from '../../src/tools/kubernetes/kubeconfig.js';
import { run } from '../../src/tools/process.js';
import { testFolder } from '../support/folder.js';
import { kubectl } from '../support/kubectl.js';
import { workerImage, writeOverlays, writeVersion } from '../support/kubernetes/overlays.js';

const root = resolve(import.meta.dirname, '../..');
const manifest = join(root, 'deploy/kubernetes');

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
}

interface Deployment extends Rendered {
  readonly spec: {
    readonly selector: { readonly matchLabels: object };
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly containers: readonly [
          {
            readonly image: string;
            readonly envFrom: readonly [{ readonly configMapRef: { readonly name: string } }];
            readonly env?: readonly { readonly name: string; readonly value: string }[];
            readonly readinessProbe: { readonly exec: { readonly command: readonly string[] } };
          },
        ];
        readonly volumes: readonly {
          readonly name: string;
          readonly secret?: { readonly secretName: string };
        }[];
      };
    };
  };
}

async function rendered(folder: string): Promise<Rendered[]> {
  const { path } = await provideKubectl(kubectl);
  const { stdout } = await run(path, ['kustomize', folder]);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Rendered);
}

function only(objects: readonly Rendered[], kind: string, name: RegExp): Rendered {
  const [object, ...others] = objects.filter((it) => it.kind === kind && name.test(it.metadata.name));
  if (!object || others.length > 0) throw new Error(`not exactly one ${kind} ${String(name)}`);
  return object;
}

const deploymentOf = (objects: readonly Rendered[]): Deployment =>
  only(objects, 'Deployment', /^worker/u) as Deployment;
const settingsOf = (objects: readonly Rendered[]): Rendered['data'] =>
  only(objects, 'ConfigMap', /^worker-settings-/u).data;

describe('deploy/kubernetes', () => {
  it('runs the image of deploy/Dockerfile: this version, its user, its health check', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    const dockerfile = await readFile(join(root, 'deploy/Dockerfile'), 'utf8');
    const [, user] = /useradd --uid (\d+)/u.exec(dockerfile) ?? [];
    const [, health] = /^HEALTHCHECK .* CMD (\[.*\])$/mu.exec(dockerfile) ?? [];
    const { spec } = deploymentOf(await rendered(manifest)).spec.template;
    expect(spec.containers[0].image).toBe(`tracewright-worker:${version}`);
    expect(spec.securityContext).toMatchObject({ runAsUser: Number(user), fsGroup: Number(user) });
    expect(spec.containers[0].readinessProbe.exec.command).toEqual(JSON.parse(health ?? ''));
  });

  it('stands in one namespace, but for the binding of its service account', async () => {
    const elsewhere = (await rendered(manifest)).filter(
      ({ metadata }) => metadata.namespace !== 'tracewright',
    );
    expect(elsewhere.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      'Namespace tracewright',
      'ClusterRoleBinding tracewright-worker',
    ]);
  });

  it('has a kubeconfig for the cluster that it runs in', () => {
    expect(resolveContext({ kubeconfigPath: join(manifest, 'in-cluster.yaml') })).toMatchObject({
      context: 'in-cluster',
      serverUrl: 'https://kubernetes.default.svc',
      user: { tokenFile: expect.stringMatching(/serviceaccount\/token$/u) as string },
    });
  });
});

describe('the overlays of docs/how-to/worker-on-kubernetes.md', () => {
  const facts = { address: 'elsewhere:7233', apiKey: 'k', authority: 'a', payloadKeys: 'p', profile: '' };

  it('change the image and the settings, and name the Secret', async () => {
    const folder = await testFolder();
    await writeOverlays(folder, facts);
    const objects = await rendered(join(folder, 'secrets'));
    const { spec } = deploymentOf(objects).spec.template;
    expect(spec.containers[0].image).toBe(`${workerImage}:0.1.0`);
    expect(settingsOf(objects)).toEqual({
      TEMPORAL_ADDRESS: 'elsewhere:7233',
      TEMPORAL_NAMESPACE: 'tracing',
      TEMPORAL_CONFIG_FILE: '/secrets/temporal.toml',
      TRACEWRIGHT_PAYLOAD_KEYS: '/secrets/payload-keys',
    });
    const secret = only(objects, 'Secret', /^worker-/u);
    expect(Object.keys(secret.data ?? {})).toEqual(['ca.pem', 'payload-keys', 'temporal.toml']);
    expect(spec.volumes).toContainEqual(
      expect.objectContaining({
        secret: expect.objectContaining({ secretName: secret.metadata.name }) as unknown,
      }),
    );
  });

  it('make a Deployment of its own of a version', async () => {
    const folder = await testFolder();
    await writeOverlays(folder, facts);
    const name = await writeVersion(folder, '0.3.0');
    const { metadata, spec } = deploymentOf(await rendered(join(folder, 'version')));
    const [container] = spec.template.spec.containers;
    expect([metadata.name, container.image]).toEqual([name, `${workerImage}:0.3.0`]);
    expect(container.env).toEqual([
      { name: 'TEMPORAL_DEPLOYMENT_NAME', value: 'tracewright' },
      { name: 'TEMPORAL_WORKER_BUILD_ID', value: '0.3.0' },
    ]);
    const labels = { 'app.kubernetes.io/instance': name };
    expect(spec.selector.matchLabels).toMatchObject(labels);
    expect(spec.template.metadata.labels).toMatchObject(labels);
  });
});
