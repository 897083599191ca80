import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TracewrightError } from '../../src/domain/failure.js';
import { createEmbeddedTarget } from '../../src/targets/embedded/target.js';
import type { Target } from '../../src/targets/target.js';
import { applyObjects } from '../../src/tools/kubernetes/apply.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { waitReady } from '../../src/tools/kubernetes/ready/wait-ready.js';
import { embeddedPrograms, whyNoCluster } from '../support/embedded-cluster.js';

const reason = await whyNoCluster();
/** Never holds: what has no probe counts as ready in the moment between its start and its crash. */
const readinessProbe = { tcpSocket: { port: 1 } };
const hotrod = 'jaegertracing/example-hotrod:1.42.0';

/** What a real kubelet and a real scheduler say of pods that cannot live, and what is made of it. */
describe.skipIf(reason !== undefined)(
  `waiting for pods that cannot live${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let folder: string;
    let cluster: Target;
    let kube: Kubernetes;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tracewright-troubles-'));
      const build = await embeddedPrograms();
      const images = build.images.filter(({ ref }) => /pause|coredns|hotrod/u.test(ref));
      cluster = createEmbeddedTarget({ name: 'troubles', stateDir: folder, build: { ...build, images } });
      const { kubeconfigPath } = await cluster.create({ onProgress: () => undefined });
      kube = connectKubernetes({ kubeconfigPath });
    });
    afterAll(async () => {
      kube.close();
      await cluster.delete();
      await rm(folder, { recursive: true, force: true });
    });

    /** The failure of a Deployment with one such container, and how long it took to be seen, in milliseconds. */
    async function failureOf(name: string, container: object): Promise<TracewrightError> {
      const labels = { app: name };
      const containers = [{ name: 'it', imagePullPolicy: 'IfNotPresent', readinessProbe, ...container }];
      const template = { metadata: { labels }, spec: { containers, terminationGracePeriodSeconds: 0 } };
      const spec = { replicas: 1, selector: { matchLabels: labels }, template };
      const objects = [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec }];
      await applyObjects(kube, { objects, namespace: name, owner: { environment: 'troubles' } });
      const waiting = waitReady(kube, {
        namespace: name,
        environment: 'troubles',
        component: name,
        checks: [{ rollout: `Deployment/${name}` }],
        objectsOf: () => ({ namespace: name, objects: [] }),
        timeoutMs: 150_000,
      });
      return await waiting.then(
        () => Promise.reject(new Error(`${name} became ready`)),
        (it: unknown) => it as TracewrightError,
      );
    }

    it('names an image that no registry gives, with the words of the registry', async () => {
      const error = await failureOf('no-image', { image: 'example.invalid/nothing:1' });
      expect(error).toMatchObject({ type: 'ready.image-pull', retryable: true });
      expect(error.message).toMatch(
        /image example\.invalid\/nothing:1 of the container it in the pod no-image\/no-image-/u,
      );
      expect(error.message).toContain('failed to do request');
    });

    it('names an image that cannot be a name at once', async () => {
      const error = await failureOf('bad-image', { image: 'UPPER/case:1' });
      expect(error).toMatchObject({ type: 'ready.image-pull', retryable: false });
      expect(error.message).toContain('repository name must be lowercase');
    });

    it('shows the last lines of a container that crashes', async () => {
      const error = await failureOf('crash', { image: hotrod, args: ['no-such-command'] });
      expect(error).toMatchObject({ type: 'ready.crash-loop', retryable: false });
      expect(error.message).toContain('keeps crashing, with 3 restarts so far: exit code');
      expect(error.evidence.join('\n')).toContain('unknown command "no-such-command"');
    });

    it('says why no node takes a pod', async () => {
      const resources = { requests: { memory: '100Ti' } };
      const error = await failureOf('too-big', { image: hotrod, resources });
      expect(error).toMatchObject({ type: 'ready.unschedulable' });
      expect(error.message).toContain('Insufficient memory');
    });
  },
);
