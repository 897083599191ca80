import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ReadyCheck } from '../../../../src/domain/stack.js';
import { applyObjects } from '../../../../src/tools/kubernetes/apply.js';
import { parseManifests } from '../../../../src/tools/kubernetes/manifests.js';
import { missingApiServer } from '../../../support/api-server.js';
import { definition } from '../../../support/chart.js';
import { deployment, owner, rollout, running, useReadyBed } from './bed.js';

describe.skipIf(missingApiServer)(`waiting until a component is ready ${missingApiServer ?? ''}`, () => {
  const bed = useReadyBed();

  it('returns at once when all is ready, and tells how far it is while it is not', async () => {
    const namespace = await bed.install(deployment(2));
    const first = bed.wait(namespace);
    await bed.reportPods(namespace, 1, running);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await bed.reportPods(namespace, 2, running);
    await first.done;
    expect(first.progress).toContain('pods 1/2');
    await bed.wait(namespace).done;
  });

  it('shows which image is being pulled', async () => {
    const namespace = await bed.install(deployment(1));
    const { done, progress } = bed.wait(namespace);
    const [pod] = await bed.pods(namespace, 1);
    if (!pod) throw new Error('no pod');
    await bed.event(namespace, pod, 'Pulling', 'Pulling image "grafana/tempo:2.0.0"', 'Normal');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await bed.reportPods(namespace, 1, running);
    await done;
    expect(progress).toContain('pods 0/1, pulling image grafana/tempo:2.0.0');
  });

  it('names what is missing, with its events, when the time is up', async () => {
    const namespace = await bed.install(deployment(1));
    const [pod] = await bed.pods(namespace, 1);
    if (!pod) throw new Error('no pod');
    await bed.event(
      namespace,
      pod,
      'FailedMount',
      'MountVolume.SetUp failed for volume "certs": secret "webhook-cert" not found',
    );
    const checks: ReadyCheck[] = [
      rollout,
      { http: { service: 'web', port: 80, path: '/ready' } },
      { rollout: 'StatefulSet/store' },
    ];
    const error: unknown = await bed.wait(namespace, { checks, timeoutMs: 3_000 }).done.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      type: 'ready.timeout',
      message:
        'Not ready within 3 s: Deployment/web: pods 0/1; http web:80/ready: waiting for /ready: the Service web does not exist yet; StatefulSet/store: does not exist yet.',
    });
    expect((error as { evidence: string[] }).evidence.join('\n')).toContain(
      'secret "webhook-cert" not found',
    );
  });

  it('waits for a Service that an operator is to make', async () => {
    const namespace = await bed.install(deployment(1));
    const { done, progress } = bed.wait(namespace, { checks: [{ exists: 'Service/made' }] });
    await expect.poll(() => progress).toContain('does not exist yet');
    await bed.send('POST', `/api/v1/namespaces/${namespace}/services`, {
      metadata: { name: 'made' },
      spec: { ports: [{ port: 80 }] },
    });
    await done;
  });

  it('asks the API server whether it accepts the objects of another component', async () => {
    const namespace = await bed.install(deployment(1));
    const objects = [{ apiVersion: 'late.tracewright.dev/v1', kind: 'Gizmo', metadata: { name: 'g' } }];
    const { done, progress } = bed.wait(namespace, {
      checks: [{ accepts: 'collector' }],
      objectsOf: () => ({ namespace: `${namespace}-other`, objects }),
    });
    await new Promise((resolve) => setTimeout(resolve, 800));
    await applyObjects(bed.kube, {
      objects: parseManifests(definition('gizmos', 'Gizmo', 'late.tracewright.dev')),
      namespace,
      owner,
    });
    await done;
    expect(progress.some((text) => text.includes('does not know the kind Gizmo'))).toBe(true);
  });

  it('tries out objects that belong to no component, once the rollouts are done', async () => {
    const namespace = await bed.install(deployment(1));
    const tried = `${namespace}-tried`;
    const objects = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'tried' } }];
    const { done } = bed.wait(namespace, {
      checks: [rollout, { accepts: { namespace: tried, objects } }],
    });
    await bed.pods(namespace, 1);
    const namespaces = async (): Promise<string> =>
      JSON.stringify(await bed.kube.json({ path: '/api/v1/namespaces' }));
    expect(await namespaces()).not.toContain(tried);
    await bed.reportPods(namespace, 1, running);
    await done;
    expect(await namespaces()).toContain(tried);
    const made = await bed.kube.json<{ items: unknown[] }>({
      path: `/api/v1/namespaces/${tried}/configmaps`,
      query: { fieldSelector: 'metadata.name=tried' },
    });
    expect(made.items).toEqual([]);
  });

  it('asks again while an admission webhook holds the first question up', async () => {
    const namespace = await bed.install(deployment(1));
    const held = new Set<Socket>();
    const server = createServer((socket) => held.add(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    const name = `silent-${namespace}`;
    await bed.send('POST', path, {
      metadata: { name },
      webhooks: [
        {
          name: 'silent.tracewright.dev',
          clientConfig: { url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}/` },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] }],
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          timeoutSeconds: 30,
        },
      ],
    });
    try {
      // The API server takes a moment to heed it.
      const objects = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'tried' } }];
      const asked = { objects, namespace, owner, dryRun: true, answerMs: 500 };
      await expect
        .poll(
          () =>
            applyObjects(bed.kube, asked).then(
              () => 'answered',
              () => 'held',
            ),
          { timeout: 20_000 },
        )
        .toBe('held');
      const before = held.size;
      const { done } = bed.wait(namespace, { checks: [{ accepts: { namespace, objects } }] });
      await expect.poll(() => held.size, { timeout: 10_000 }).toBeGreaterThan(before + 1);
      await bed.kube.json({ method: 'DELETE', path: `${path}/${name}` });
      await done;
    } finally {
      for (const socket of held) socket.destroy();
      server.close();
    }
  });

  it('fails at once when the objects of another component can never be accepted', async () => {
    const namespace = await bed.install(deployment(1));
    const objects = [
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'bad' }, spec: { ports: [{ port: 0 }] } },
    ];
    const { done } = bed.wait(namespace, {
      checks: [{ accepts: 'collector' }],
      objectsOf: () => ({ namespace, objects }),
    });
    await expect(done).rejects.toMatchObject({ type: 'manifest.rejected' });
  });

  it('stops when its step is cancelled', async () => {
    const namespace = await bed.install(deployment(1));
    const abort = new AbortController();
    const { done } = bed.wait(namespace, { signal: abort.signal });
    setTimeout(() => {
      abort.abort();
    }, 300);
    await expect(done).rejects.toMatchObject({ type: 'step.cancelled' });
  });

  it('goes on over a crash of the API server', async () => {
    const namespace = await bed.install(deployment(1));
    const { done } = bed.wait(namespace);
    await bed.pods(namespace, 1);
    await bed.server.crash();
    await bed.server.restart();
    await bed.reportPods(namespace, 1, running);
    await done;
  });
});
