import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanPreview } from '../../../src/domain/preview.js';
import { reconcileRelease, type ReconcileOptions } from '../../../src/tools/helm/reconcile.js';
import { releaseRoom } from '../../../src/tools/helm/release-size.js';
import { cli } from '../../cli/support.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { sharedCacheDir } from '../../support/cache.js';
import { writeChart } from '../../support/chart.js';
import { helmOf, testHelms, type TestHelm } from '../../support/helm.js';
import { freshRelease, recordOf } from '../../support/releases.js';
import { tutorialShapedStack } from '../../support/stack.js';

describe.skipIf(missingApiServer)(`the size of a release ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer();
  });
  afterAll(() => server.stop());

  /** A chart whose files do not become smaller by packing. */
  async function release(bytes: number): Promise<ReconcileOptions> {
    const chartPath = await writeChart(join(server.folder, `chart-${String(bytes)}`));
    await writeFile(join(chartPath, 'data.bin'), randomBytes(bytes));
    return freshRelease({ kube: server.kube, helm: helmOf(server, testHelms[0] as TestHelm), chartPath });
  }
  const room = (options: ReconcileOptions): ReturnType<typeof releaseRoom> =>
    releaseRoom(options.helm, options, [], {});

  it('is no matter where there is room', async () => {
    expect(await room(await release(1_000))).toEqual({});
    expect(await room(await release(300_000))).toEqual({});
  });

  it('is said when there is hardly room, as large as helm makes it', async () => {
    const options = await release(740_000);
    const percent = Number(/takes (\d+) %/u.exec((await room(options)).detail ?? '')?.[1]);
    await reconcileRelease(options);
    const { data } = await recordOf(server.kube, options);
    const kept = (Buffer.from(data.release, 'base64').length / 2 ** 20) * 100;
    expect(Math.abs(percent - kept), `${String(percent)} %, and helm keeps ${String(kept)} %`).toBeLessThan(
      2,
    );
  });

  it('is refused beforehand when there is none, as the API server refuses it', async () => {
    const options = await release(900_000);
    const failure = { type: 'chart.too-large', retryable: false };
    expect(await room(options)).toMatchObject({ failure });
    await expect(reconcileRelease(options)).rejects.toMatchObject(failure);
  });

  it('is in the plan', async () => {
    const component = async (bytes: number): Promise<object> => {
      const { chartPath, namespace, values } = await release(bytes);
      const ready = [{ rollout: 'Deployment/none' }];
      return { release: { namespace, chart: { path: chartPath }, values }, ready };
    };
    const components = { tight: await component(741_000), over: await component(901_000) };
    const stack = { ...tutorialShapedStack(), name: 'sizes', targets: ['kubeconfig'], components };
    const file = join(server.folder, 'sizes.yaml');
    await writeFile(file, stringify(stack));
    const { exitCode, stdout } = await cli(
      server.folder,
      ['plan', '--json', '--stack', file, '--kubeconfig', server.kubeconfigPath],
      { env: { TRACEWRIGHT_CACHE_DIR: sharedCacheDir } },
    );
    expect(exitCode).toBe(1);
    const { steps } = JSON.parse(stdout) as PlanPreview;
    const step = (name: string) => steps.find((one) => one.name === name);
    expect(step('tight')).toMatchObject({
      action: 'create',
      detail: expect.stringMatching(/9\d % of the 1 MiB/u) as string,
    });
    expect(step('over')).toMatchObject({ action: 'refuse', failure: { type: 'chart.too-large' } });
  });
});
