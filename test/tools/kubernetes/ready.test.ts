import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubernetesObjectSpec, ReadyCheck } from '../../../src/domain/stack.js';
import { applyObjects } from '../../../src/tools/kubernetes/apply.js';
import { parseManifests } from '../../../src/tools/kubernetes/manifests.js';
import { waitReady, type WaitReadyOptions } from '../../../src/tools/kubernetes/ready/wait-ready.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition } from '../../support/chart.js';

const owner = { environment: 'demo', component: 'web' };
const nodeReady = { type: 'Ready', status: 'True', reason: 'KubeletReady' };

/** Real controllers and a real scheduler; only the kubelet's reports are written by the test. */
describe.skipIf(missingApiServer)(`waiting until a component is ready ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let count = 0;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true, scheduler: true });
    await send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node' } });
    const capacity = { cpu: '4', memory: '4Gi', pods: '100' };
    await report('/api/v1/nodes/node/status', {
      capacity,
      allocatable: capacity,
      conditions: [nodeReady],
    });
  });
  afterAll(() => server.stop());

  function send(method: 'POST' | 'PATCH', path: string, object: unknown): Promise<unknown> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    return server.kube.json({
      method,
      path,
      headers: { 'content-type': type },
      body: JSON.stringify(object),
    });
  }

  const report = (path: string, status: unknown): Promise<unknown> => send('PATCH', path, { status });

  function deployment(
    replicas: number,
    image = 'example.invalid/web:1',
    more: object = {},
    tolerations: readonly object[] = [{ operator: 'Exists' }],
  ): KubernetesObjectSpec {
    const labels = { app: 'web' };
    const containers = [{ name: 'web', image, ...more }];
    const spec = {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers, tolerations } },
    };
    return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec };
  }

  async function install(...objects: KubernetesObjectSpec[]): Promise<string> {
    const namespace = `ready-${String((count += 1))}`;
    await applyObjects(server.kube, { objects, namespace, owner });
    return namespace;
  }

  interface PodName {
    readonly metadata: { readonly name: string; readonly uid: string; readonly creationTimestamp: string };
    readonly spec: { readonly containers: readonly { readonly image: string }[] };
  }

  async function pods(namespace: string, number: number): Promise<PodName[]> {
    for (let tries = 0; tries < 100; tries += 1) {
      const { items } = await server.kube.json<{ items: PodName[] }>({
        path: `/api/v1/namespaces/${namespace}/pods`,
      });
      if (items.length >= number) return items;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error('no pods');
  }

  const running = {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [container({ running: {} }, { ready: true })],
  };

  function container(state: object, more: object = {}): object {
    return {
      name: 'web',
      image: 'example.invalid/web:1',
      imageID: '',
      ready: false,
      restartCount: 0,
      state,
      ...more,
    };
  }

  async function reportPods(namespace: string, number: number, status: object): Promise<void> {
    for (const { metadata } of (await pods(namespace, number)).slice(0, number)) {
      await report(`/api/v1/namespaces/${namespace}/pods/${metadata.name}/status`, status);
    }
  }

  async function event(
    namespace: string,
    pod: PodName,
    reason: string,
    message: string,
    type = 'Warning',
  ): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z/u, 'Z');
    const involvedObject = { kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid };
    await send('POST', `/api/v1/namespaces/${namespace}/events`, {
      metadata: { generateName: 'e-' },
      involvedObject,
      reason,
      message,
      type,
      lastTimestamp: now,
      firstTimestamp: now,
    });
  }

  const rollout: ReadyCheck = { rollout: 'Deployment/web' };

  function wait(
    namespace: string,
    changes: Partial<WaitReadyOptions> = {},
  ): { done: Promise<void>; progress: string[] } {
    const progress: string[] = [];
    const done = waitReady(server.kube, {
      namespace,
      environment: 'demo',
      checks: [rollout],
      objectsOf: () => ({ namespace, objects: [] }),
      timeoutMs: 40_000,
      onProgress: (text) => progress.push(text),
      ...changes,
    });
    // Looked at later; until then nobody listens.
    done.catch(() => undefined);
    return { done, progress };
  }

  it('returns at once when all is ready, and tells how far it is while it is not', async () => {
    const namespace = await install(deployment(2));
    const first = wait(namespace);
    await reportPods(namespace, 1, running);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await reportPods(namespace, 2, running);
    await first.done;
    expect(first.progress).toContain('pods 1/2');
    const started = Date.now();
    await wait(namespace).done;
    expect(Date.now() - started).toBeLessThan(1_000);
  });

  it('notices a ready pod within a quarter of a second', async () => {
    const namespace = await install(deployment(1));
    const { done } = wait(namespace);
    await pods(namespace, 1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const started = Date.now();
    await reportPods(namespace, 1, running);
    await done;
    expect(Date.now() - started).toBeLessThan(250);
  });

  it('shows which image is being pulled', async () => {
    const namespace = await install(deployment(1));
    const { done, progress } = wait(namespace);
    const [pod] = await pods(namespace, 1);
    if (!pod) throw new Error('no pod');
    await event(namespace, pod, 'Pulling', 'Pulling image "grafana/tempo:2.0.0"', 'Normal');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await reportPods(namespace, 1, running);
    await done;
    expect(progress).toContain('pods 0/1, pulling image grafana/tempo:2.0.0');
  });

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
    const namespace = await install(deployment(1));
    const { done, progress } = wait(namespace);
    const [pod] = await pods(namespace, 1);
    if (!pod) throw new Error('no pod');
    const started = Date.now();
    // In the same second, as a registry that refuses at once makes them.
    await event(namespace, pod, 'Pulling', 'Pulling image "example.invalid/web:1"', 'Normal');
    await event(namespace, pod, 'Failed', `Failed to pull image "example.invalid/web:1": ${text}`);
    await event(
      namespace,
      pod,
      'Failed',
      'Failed to pull image "example.invalid/other:1": of another container',
    );
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "example.invalid/web:1"' };
    await reportPods(namespace, 1, { phase: 'Pending', containerStatuses: [container({ waiting })] });
    await expect(done).rejects.toMatchObject({
      type: 'ready.image-pull',
      retryable,
      message: expect.stringContaining(text.slice(-20)) as string,
      remedy: expect.stringMatching(remedy) as string,
    });
    expect(Date.now() - started).toBeLessThan(6_000);
    expect(progress.at(-1)).toBe(
      'pods 0/1, ImagePullBackOff: Back-off pulling image "example.invalid/web:1"',
    );
  });

  const crashed = (restartCount: number, reason = 'Error', exitCode = 3): object => ({
    phase: 'Running',
    containerStatuses: [
      container(
        { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
        { restartCount, lastState: { terminated: { exitCode, reason } } },
      ),
    ],
  });

  it('bears two restarts, not a third', async () => {
    const namespace = await install(deployment(1));
    const { done, progress } = wait(namespace);
    await reportPods(namespace, 1, crashed(2));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(progress.at(-1)).toBe('pods 0/1, container web crashed 2 times (exit code 3)');
    await reportPods(namespace, 1, crashed(3));
    await expect(done).rejects.toMatchObject({
      type: 'ready.crash-loop',
      message: expect.stringContaining('keeps crashing, with 3 restarts so far: exit code 3') as string,
    });
  });

  it('does not wait for a third time when a container is killed for its use of memory', async () => {
    const namespace = await install(deployment(1));
    const { done } = wait(namespace);
    const started = Date.now();
    await reportPods(namespace, 1, crashed(1, 'OOMKilled', 137));
    await expect(done).rejects.toMatchObject({
      type: 'ready.out-of-memory',
      message: expect.stringContaining('killed because it used more memory than its limit') as string,
      remedy: expect.stringContaining('memory limit') as string,
    });
    expect(Date.now() - started).toBeLessThan(6_000);
  });

  it('gives a container that crashed before a retry one more chance', async () => {
    const namespace = await install(deployment(1));
    await reportPods(namespace, 1, crashed(7));
    const { done } = wait(namespace);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await reportPods(namespace, 1, running);
    await done;
  });

  it('does not believe a container that has just crashed before it has run for a while', async () => {
    const namespace = await install(deployment(1));
    const { done, progress } = wait(namespace);
    const started = Date.now();
    const again = {
      ...running,
      containerStatuses: [container({ running: {} }, { ready: true, restartCount: 1 })],
    };
    await reportPods(namespace, 1, again);
    await done;
    expect(Date.now() - started).toBeGreaterThan(9_500);
    expect(progress.at(-1)).toBe('container web has crashed 1×, and runs for less than 10 s');
  });

  it('believes one that crashed long ago at once', async () => {
    const namespace = await install(deployment(1));
    const { done } = wait(namespace);
    const state = { running: { startedAt: new Date(Date.now() - 60_000).toISOString() } };
    const started = Date.now();
    const again = { ...running, containerStatuses: [container(state, { ready: true, restartCount: 7 })] };
    await reportPods(namespace, 1, again);
    await done;
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('takes no notice of the troubles of a version that is being replaced', async () => {
    const namespace = await install(deployment(1));
    await pods(namespace, 1);
    await applyObjects(server.kube, { objects: [deployment(1, 'example.invalid/web:2')], namespace, owner });
    const { done } = wait(namespace);
    const both = await pods(namespace, 2);
    const old = both.find(({ spec }) => spec.containers[0]?.image.endsWith(':1'));
    const young = both.find(({ spec }) => spec.containers[0]?.image.endsWith(':2'));
    await report(`/api/v1/namespaces/${namespace}/pods/${String(old?.metadata.name)}/status`, crashed(5));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await report(`/api/v1/namespaces/${namespace}/pods/${String(young?.metadata.name)}/status`, running);
    await done;
  });

  it('says what the scheduler says when no node takes the pod', async () => {
    const namespace = await install(
      deployment(1, undefined, { resources: { requests: { memory: '64Gi' } } }),
    );
    const started = Date.now();
    await expect(wait(namespace).done).rejects.toMatchObject({
      type: 'ready.unschedulable',
      message: expect.stringContaining('Insufficient memory') as string,
    });
    expect(Date.now() - started).toBeGreaterThan(14_000);
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  it('names the taint of a node that is short of disk space, and tries again', async () => {
    // The controllers make the taint out of the condition.
    await report('/api/v1/nodes/node/status', {
      conditions: [nodeReady, { ...nodeReady, type: 'DiskPressure' }],
    });
    await expect
      .poll(() => server.kube.json({ path: '/api/v1/nodes/node' }), { timeout: 20_000 })
      .toMatchObject({ spec: { taints: [{ key: 'node.kubernetes.io/disk-pressure' }] } });
    const namespace = await install(deployment(1, undefined, {}, []));
    await expect(wait(namespace).done).rejects.toMatchObject({
      type: 'ready.unschedulable',
      retryable: true,
      remedy: expect.stringContaining('Free disk space on the node node') as string,
      evidence: ['node node has the taint node.kubernetes.io/disk-pressure'],
    });
    await report('/api/v1/nodes/node/status', { conditions: [nodeReady] });
  });

  it('names what is missing, with its events, when the time is up', async () => {
    const namespace = await install(deployment(1));
    const [pod] = await pods(namespace, 1);
    if (!pod) throw new Error('no pod');
    await event(
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
    const error: unknown = await wait(namespace, { checks, timeoutMs: 3_000 }).done.then(
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

  it('asks the API server whether it accepts the objects of another component', async () => {
    const namespace = await install(deployment(1));
    const objects = [{ apiVersion: 'late.tracewright.dev/v1', kind: 'Gizmo', metadata: { name: 'g' } }];
    const { done, progress } = wait(namespace, {
      checks: [{ accepts: 'collector' }],
      objectsOf: () => ({ namespace: `${namespace}-other`, objects }),
    });
    await new Promise((resolve) => setTimeout(resolve, 800));
    await applyObjects(server.kube, {
      objects: parseManifests(definition('gizmos', 'Gizmo', 'late.tracewright.dev')),
      namespace,
      owner,
    });
    await done;
    expect(progress.some((text) => text.includes('does not know the kind Gizmo'))).toBe(true);
  });

  it('fails at once when the objects of another component can never be accepted', async () => {
    const namespace = await install(deployment(1));
    const objects = [
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'bad' }, spec: { ports: [{ port: 0 }] } },
    ];
    const { done } = wait(namespace, {
      checks: [{ accepts: 'collector' }],
      objectsOf: () => ({ namespace, objects }),
    });
    await expect(done).rejects.toMatchObject({ type: 'manifest.rejected' });
  });

  it('stops when its step is cancelled', async () => {
    const namespace = await install(deployment(1));
    const abort = new AbortController();
    const { done } = wait(namespace, { signal: abort.signal });
    setTimeout(() => {
      abort.abort();
    }, 300);
    await expect(done).rejects.toMatchObject({ type: 'step.cancelled' });
  });

  it('goes on over a crash of the API server', async () => {
    const namespace = await install(deployment(1));
    const { done } = wait(namespace);
    await pods(namespace, 1);
    await server.crash();
    await server.restart();
    await reportPods(namespace, 1, running);
    await done;
  });
});
