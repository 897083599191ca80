import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TracewrightError } from '../../../src/domain/failure.js';
import { clusterFolder } from '../../../src/targets/embedded/folder.js';
import { writePullSettings } from '../../../src/targets/embedded/pulls.js';
import { createEmbeddedTarget } from '../../../src/targets/embedded/target.js';
import type { Target } from '../../../src/targets/target.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { waitReady } from '../../../src/tools/kubernetes/ready/wait-ready.js';
import { embeddedPrograms, whyNoCluster, withoutWorkloads } from '../../support/embedded-cluster.js';
import { startTroubledRegistry, type TroubledRegistry } from '../../support/troubled-registry.js';

const unsupported = await whyNoCluster();

interface Row {
  /** The repository, which the registry takes for the trouble. */
  readonly trouble: string;
  /** Where images come from. @default the registry */
  readonly from?: (registry: TroubledRegistry, root: string) => string;
  readonly message: RegExp;
  readonly remedy: RegExp;
  readonly retryable?: true;
  /** No answer is waited for, in case it comes after all. */
  readonly patient?: true;
}

const rows: readonly Row[] = [
  { trouble: 'unknown', message: /not found/u, remedy: /Correct the name or tag/u },
  { trouble: 'private', message: /answers 401/u, remedy: /docker login/u },
  { trouble: 'forbidden', message: /answers 403/u, remedy: /docker login/u },
  { trouble: 'page', message: /web page/u, remedy: /log in to the network/u },
  { trouble: 'other-manifest', message: /has the digest/u, remedy: /mirror or the proxy/u },
  { trouble: 'other-layer', message: /digest/u, remedy: /mirror or the proxy/u },
  { trouble: 'other-processor', message: /s390x/u, remedy: /processor/u },
  {
    trouble: 'no-host',
    from: () => 'https://registry.invalid',
    message: /no such host/u,
    remedy: /No such host/u,
  },
  { trouble: 'folder', from: (_, root) => root, message: /no archive/u, remedy: /images save/u },
  {
    trouble: 'broken',
    message: /answers 500/u,
    remedy: /trouble of its own/u,
    retryable: true,
    patient: true,
  },
  {
    trouble: 'refused',
    from: () => 'http://127.0.0.1:1',
    message: /connection refused/u,
    remedy: /cannot be reached/u,
    retryable: true,
    patient: true,
  },
  // The last one: from then on the registry is not asked any more.
  { trouble: 'limited', message: /retry after 1m\d+s/u, remedy: /Wait 1 min \d+ s/u, retryable: true },
];

/** What the true words of kubelet, containerd and our own program become. */
describe.skipIf(unsupported !== undefined)('an image that cannot be pulled', () => {
  let root: string;
  let registry: TroubledRegistry;
  let target: Target;
  let kube: Kubernetes;
  const cluster = 'troubled';

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'tracewright-pull-troubles-'));
    registry = await startTroubledRegistry();
    const build = withoutWorkloads(await embeddedPrograms());
    const pulls = { built: false, cacheDir: join(root, 'cache'), from: `http://${registry.host}` };
    target = createEmbeddedTarget({ name: cluster, stateDir: join(root, 'state'), build, pulls });
    const { kubeconfigPath } = await target.create({ onProgress: () => undefined });
    kube = connectKubernetes({ kubeconfigPath });
  });
  afterAll(async () => {
    kube.close();
    await target.delete();
    registry.close();
    await rm(root, { recursive: true });
  });

  const failureOf = async (name: string, told: string[]): Promise<TracewrightError> => {
    const labels = { app: name };
    const container = { name: 'it', image: `quay.io/of/${name}:1` };
    const spec = {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    };
    const objects = [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec }];
    await applyObjects(kube, { objects, namespace: name, owner: { environment: cluster } });
    return await waitReady(kube, {
      namespace: name,
      environment: cluster,
      component: name,
      checks: [{ rollout: `Deployment/${name}` }],
      objectsOf: () => ({ namespace: name, objects }),
      timeoutMs: 90_000,
      onProgress: (text) => told.push(text),
    }).then(
      () => Promise.reject(new Error('it became ready')),
      (error: unknown) => error as TracewrightError,
    );
  };

  test.each(rows)('$trouble: says so, and what to do', async (row) => {
    const from = row.from?.(registry, root) ?? `http://${registry.host}`;
    await writePullSettings(clusterFolder(join(root, 'state'), cluster), {
      cacheDir: join(root, 'cache'),
      from,
    });
    const told: string[] = [];
    expect(await failureOf(row.trouble, told)).toMatchObject({
      type: 'ready.image-pull',
      message: expect.stringMatching(row.message) as string,
      remedy: expect.stringMatching(row.remedy) as string,
      retryable: row.retryable ?? false,
    });
    // Whoever waits sees what for.
    if (row.patient) expect(told.join('\n')).toMatch(row.message);
  });
});
