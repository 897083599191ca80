import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reconcileRelease, type ReconcileOptions } from '../../../src/tools/helm/reconcile.js';
import { observeRelease } from '../../../src/tools/helm/release-record.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { writeChart } from '../../support/chart.js';
import { helmOf, testHelms } from '../../support/helm.js';
import { onStart } from '../../support/owner.js';
import { freshRelease } from '../../support/releases.js';

const hook = `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-check
  annotations: { helm.sh/hook: post-install, helm.sh/hook-delete-policy: before-hook-creation }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: check, image: example.invalid/check:1 }]
`;

describe.skipIf(missingApiServer)(`reconciling a release with a hook ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let hooked: string;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
    hooked = await writeChart(join(server.folder, 'hooked'), { files: { 'templates/hook.yaml': hook } });
  });
  afterAll(() => server.stop());

  describe.each(testHelms)('with helm $version', (testHelm) => {
    const fresh = (changes: Partial<ReconcileOptions> = {}): ReconcileOptions =>
      freshRelease({ kube: server.kube, helm: helmOf(server, testHelm), chartPath: hooked, ...changes });

    it('survives kill -9 of helm in a hook, and runs the hook again', async () => {
      const options = fresh();
      const progress: string[] = [];
      let pid = 0;
      const first = reconcileRelease({
        ...options,
        onProgress(text) {
          progress.push(text);
          if (text.includes('is running')) process.kill(pid, 'SIGKILL');
        },
        call: { owner: onStart((identity) => (pid = identity.pid)) },
      });
      await expect(first).rejects.toMatchObject({ type: 'release.failed' });
      expect(progress).toContain(`hook ${options.name}-check is running`);
      expect(await observeRelease(server.kube, options)).toMatchObject({
        status: 'pending-install',
        revision: 1,
      });

      const second = reconcileRelease({
        ...options,
        onProgress(text) {
          if (text.includes('is running')) void completeJob(options);
        },
      });
      expect(await second).toMatchObject({
        state: 'pending-install',
        actions: ['uninstall-then-install', 'install'],
        revision: 1,
      });
    });

    it('ends helm when cancelled, which leaves a failed release, not a locked one', async () => {
      const options = fresh();
      const abort = new AbortController();
      const running = reconcileRelease({
        ...options,
        onProgress(text) {
          if (!text.includes('is running')) return;
          abort.abort();
        },
        call: { signal: abort.signal },
      });
      await expect(running).rejects.toMatchObject({ type: 'tool.cancelled' });
      expect(await observeRelease(server.kube, options)).toMatchObject({ status: 'failed' });
    });

    it('says that the image of a hook cannot be pulled', async () => {
      const options = fresh();
      let failing = false;
      const running = reconcileRelease({
        ...options,
        onProgress(text) {
          if (!text.includes('is running') || failing) return;
          failing = true;
          void failImagePull(options);
        },
      });
      await expect(running).rejects.toMatchObject({
        type: 'ready.image-pull',
        message: expect.stringContaining('example.invalid/check:1') as string,
      });
    });
  });

  async function completeJob({ namespace }: ReconcileOptions): Promise<void> {
    const time = new Date().toISOString().replace(/\.\d+Z/u, 'Z');
    await patchPods(namespace, {
      phase: 'Succeeded',
      containerStatuses: [status({ terminated: { exitCode: 0, finishedAt: time, startedAt: time } })],
    });
  }

  async function failImagePull({ namespace }: ReconcileOptions): Promise<void> {
    const message =
      'Back-off pulling image "example.invalid/check:1": ErrImagePull: failed to resolve reference "example.invalid/check:1": not found';
    await patchPods(namespace, {
      phase: 'Pending',
      containerStatuses: [status({ waiting: { reason: 'ImagePullBackOff', message } })],
    });
  }

  function status(state: unknown): unknown {
    return {
      name: 'check',
      image: 'example.invalid/check:1',
      imageID: '',
      ready: false,
      restartCount: 0,
      state,
    };
  }

  /** What a kubelet would report. */
  async function patchPods(namespace: string, status: unknown): Promise<void> {
    for (let tries = 0; tries < 50; tries += 1) {
      const { items } = await server.kube.json<{ items: { metadata: { name: string } }[] }>({
        path: `/api/v1/namespaces/${namespace}/pods`,
      });
      for (const { metadata } of items) {
        await server.kube.json({
          method: 'PATCH',
          path: `/api/v1/namespaces/${namespace}/pods/${metadata.name}/status`,
          headers: { 'content-type': 'application/merge-patch+json' },
          body: JSON.stringify({ status }),
        });
      }
      if (items.length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`no pod in ${namespace}`);
  }
});
