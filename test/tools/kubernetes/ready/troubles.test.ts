import { describe, expect, it } from 'vitest';
import type { KubernetesObjectSpec } from '../../../../src/domain/stack.js';
import { applyObjects } from '../../../../src/tools/kubernetes/apply.js';
import type { Pod } from '../../../../src/tools/kubernetes/objects.js';
import { missingApiServer } from '../../../support/api-server.js';
import { container, deployment, nodeReady, owner, running, useReadyBed } from './bed.js';

const crashed = (restartCount: number, reason = 'Error', exitCode = 3): object => ({
  phase: 'Running',
  containerStatuses: [
    container(
      { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
      { restartCount, lastState: { terminated: { exitCode, reason } } },
    ),
  ],
});

describe.skipIf(missingApiServer)(`waiting for pods with troubles ${missingApiServer ?? ''}`, () => {
  const bed = useReadyBed();

  it.each([
    {
      what: 'missing',
      text: 'rpc error: code = NotFound desc = failed to pull: example.invalid/web:1: not found',
      retryable: false,
      remedy: /name or tag/u,
    },
    {
      what: 'behind a rate limit',
      text: 'unexpected status: 429 Too Many Requests - toomanyrequests',
      retryable: true,
      remedy: /limits/u,
    },
  ])('fails early when an image is $what', async ({ text, retryable, remedy }) => {
    const namespace = await bed.install(deployment(1));
    const { done, progress } = bed.wait(namespace);
    const [pod] = await bed.pods(namespace, 1);
    if (!pod) throw new Error('no pod');
    // In the same second, as a registry that refuses at once makes them.
    await bed.event(namespace, pod, 'Pulling', 'Pulling image "example.invalid/web:1"', 'Normal');
    await bed.event(namespace, pod, 'Failed', `Failed to pull image "example.invalid/web:1": ${text}`);
    await bed.event(
      namespace,
      pod,
      'Failed',
      'Failed to pull image "example.invalid/other:1": of another container',
    );
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "example.invalid/web:1"' };
    await bed.reportPods(namespace, 1, { phase: 'Pending', containerStatuses: [container({ waiting })] });
    await expect(done).rejects.toMatchObject({
      type: 'ready.image-pull',
      retryable,
      message: expect.stringContaining(text.slice(-20)) as string,
      remedy: expect.stringMatching(remedy) as string,
    });
    expect(progress.at(-1)).toBe(`pods 0/1, ImagePullBackOff: ${text}`);
  });

  it('bears two restarts, not a third', async () => {
    const namespace = await bed.install(deployment(1));
    const { done, progress } = bed.wait(namespace);
    await bed.reportPods(namespace, 1, crashed(2));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(progress.at(-1)).toBe('pods 0/1, container web crashed 2 times (exit code 3)');
    await bed.reportPods(namespace, 1, crashed(3));
    await expect(done).rejects.toMatchObject({
      type: 'ready.crash-loop',
      message: expect.stringContaining('keeps crashing, with 3 restarts so far: exit code 3') as string,
    });
  });

  it('does not wait for a third time when a container is killed for its use of memory', async () => {
    const namespace = await bed.install(deployment(1));
    const { done, progress } = bed.wait(namespace);
    // What it finds at its first look counts as history.
    await expect.poll(() => progress.length, { timeout: 20_000 }).toBeGreaterThan(0);
    await bed.reportPods(namespace, 1, crashed(1, 'OOMKilled', 137));
    await expect(done).rejects.toMatchObject({
      type: 'ready.out-of-memory',
      message: expect.stringContaining('killed because it used more memory than its limit') as string,
      remedy: expect.stringContaining('memory limit') as string,
    });
  });

  it('gives a container that crashed before a retry one more chance', async () => {
    const namespace = await bed.install(deployment(1));
    await bed.reportPods(namespace, 1, crashed(7));
    const { done } = bed.wait(namespace);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await bed.reportPods(namespace, 1, running);
    await done;
  });

  it('does not believe a container that has just crashed before it has run for a while', async () => {
    const namespace = await bed.install(deployment(1));
    const { done, progress } = bed.wait(namespace);
    const started = Date.now();
    const again = {
      ...running,
      containerStatuses: [container({ running: {} }, { ready: true, restartCount: 1 })],
    };
    await bed.reportPods(namespace, 1, again);
    await done;
    expect(Date.now() - started).toBeGreaterThan(9_500);
    expect(progress.at(-1)).toBe('container web has crashed 1×, and runs for less than 10 s');
  });

  it('believes one that crashed long ago at once', async () => {
    const namespace = await bed.install(deployment(1));
    const { done, progress } = bed.wait(namespace);
    const state = { running: { startedAt: new Date(Date.now() - 60_000).toISOString() } };
    const again = { ...running, containerStatuses: [container(state, { ready: true, restartCount: 7 })] };
    await bed.reportPods(namespace, 1, again);
    await done;
    expect(progress.join('\n')).not.toContain('has crashed');
  });

  it('takes no notice of the troubles of a version that is being replaced', async () => {
    const namespace = await bed.install(deployment(1));
    await bed.pods(namespace, 1);
    await applyObjects(bed.kube, { objects: [deployment(1, 'example.invalid/web:2')], namespace, owner });
    const { done } = bed.wait(namespace);
    const both = await bed.pods(namespace, 2);
    const old = both.find(({ spec }) => spec.containers[0]?.image.endsWith(':1'));
    const young = both.find(({ spec }) => spec.containers[0]?.image.endsWith(':2'));
    await bed.report(`/api/v1/namespaces/${namespace}/pods/${String(old?.metadata.name)}/status`, crashed(5));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await bed.report(`/api/v1/namespaces/${namespace}/pods/${String(young?.metadata.name)}/status`, running);
    await done;
  });

  it('deletes the old pod of a StatefulSet that would wait for it for ever', async () => {
    const statefulSet = (image: string): KubernetesObjectSpec => {
      const { spec, ...rest } = deployment(1, image);
      return { ...rest, kind: 'StatefulSet', spec: { ...(spec as object), serviceName: 'web' } };
    };
    const namespace = await bed.install(statefulSet('example.invalid/web:1'));
    const [old] = await bed.pods(namespace, 1);
    const path = `/api/v1/namespaces/${namespace}/pods/web-0`;
    await bed.report(`${path}/status`, crashed(2));
    const objects = [statefulSet('example.invalid/web:2')];
    await applyObjects(bed.kube, { objects, namespace, owner });
    const { done } = bed.wait(namespace, { checks: [{ rollout: 'StatefulSet/web' }] });
    await bed.report(`${path}/status`, crashed(3));
    const pod = (): Promise<Pod> => bed.kube.json<Pod>({ path });
    await expect
      .poll(async () => (await pod()).metadata.deletionTimestamp, { timeout: 10_000 })
      .toBeDefined();
    // In place of the kubelet, which ends it.
    await bed.kube.json({ method: 'DELETE', path, query: { gracePeriodSeconds: '0' } });
    await expect
      .poll(
        () =>
          pod().then(
            ({ metadata }) => metadata.uid,
            () => old?.metadata.uid,
          ),
        { timeout: 10_000 },
      )
      .not.toBe(old?.metadata.uid);
    await bed.report(`${path}/status`, running);
    await done;
    expect(await pod()).toMatchObject({ spec: { containers: [{ image: 'example.invalid/web:2' }] } });
  });

  it('says what the scheduler says when no node takes the pod', async () => {
    const namespace = await bed.install(
      deployment(1, undefined, { resources: { requests: { memory: '64Gi' } } }),
    );
    const started = Date.now();
    await expect(bed.wait(namespace).done).rejects.toMatchObject({
      type: 'ready.unschedulable',
      message: expect.stringContaining('Insufficient memory') as string,
    });
    expect(Date.now() - started).toBeGreaterThan(14_000);
  });

  it('names the taint of a node that is short of disk space, and tries again', async () => {
    // The controllers make the taint out of the condition.
    await bed.report('/api/v1/nodes/node/status', {
      conditions: [nodeReady, { ...nodeReady, type: 'DiskPressure' }],
    });
    await expect
      .poll(() => bed.kube.json({ path: '/api/v1/nodes/node' }), { timeout: 20_000 })
      .toMatchObject({ spec: { taints: [{ key: 'node.kubernetes.io/disk-pressure' }] } });
    const namespace = await bed.install(deployment(1, undefined, {}, []));
    await expect(bed.wait(namespace).done).rejects.toMatchObject({
      type: 'ready.unschedulable',
      retryable: true,
      remedy: expect.stringContaining('Free disk space on the node node') as string,
      evidence: ['node node has the taint node.kubernetes.io/disk-pressure'],
    });
    await bed.report('/api/v1/nodes/node/status', { conditions: [nodeReady] });
  });
});
