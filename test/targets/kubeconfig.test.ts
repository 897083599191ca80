import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubeconfigTarget } from '../../src/targets/kubeconfig/target.js';
import { missingApiServer, startApiServer, type ApiServer } from '../support/api-server.js';
import { kubectl } from '../support/kubectl.js';
import { testFolder } from '../support/folder.js';

describe.skipIf(missingApiServer !== undefined)(
  `the kubeconfig target${missingApiServer === undefined ? '' : ` (${missingApiServer})`}`,
  () => {
    let server: ApiServer;
    beforeAll(async () => {
      server = await startApiServer();
    });
    afterAll(() => server.stop());

    it('takes the cluster as it is and says that it is not ours', async () => {
      const target = createKubeconfigTarget({ kubectl, kubeconfigPath: server.kubeconfigPath });
      expect((await target.observe()).phase).toBe('ready');
      const cluster = await target.create({ onProgress: () => undefined });
      expect(cluster).toMatchObject({ kubeconfigPath: server.kubeconfigPath, owned: false });
      expect(cluster.version).toMatch(/^v1\./);
    });

    it('deletes nothing', async () => {
      const target = createKubeconfigTarget({ kubectl, kubeconfigPath: server.kubeconfigPath });
      await target.delete();
      expect((await target.observe()).phase).toBe('ready');
    });

    it('names a context that does not exist', async () => {
      const target = createKubeconfigTarget({
        kubectl,
        kubeconfigPath: server.kubeconfigPath,
        context: 'nowhere',
      });
      expect(await target.observe()).toMatchObject({
        phase: 'broken',
        reason: expect.stringContaining('nowhere') as string,
      });
      await expect(target.create({ onProgress: () => undefined })).rejects.toMatchObject({
        type: 'cluster.not-found',
      });
    });
  },
);

describe('the kubeconfig target without a cluster', () => {
  it('says that nothing answers', async () => {
    const kubeconfigPath = join(await testFolder(), 'kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 'of-nobody' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    await writeFile(kubeconfigPath, JSON.stringify(config));
    const target = createKubeconfigTarget({ kubectl, kubeconfigPath });
    await expect(target.create({ onProgress: () => undefined })).rejects.toMatchObject({
      type: 'cluster.unreachable',
    });
  });
});
