import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify, parse } from 'yaml';
import { readStackRequest, type StackRequest } from '../../src/cli/install-request.js';
import { testFolder } from '../support/folder.js';

describe('a stack that is too large for a Temporal server', () => {
  async function request(kilobytes: number, values?: string): Promise<StackRequest> {
    const folder = await testFolder();
    const text = await readFile(join(import.meta.dirname, '..', '..', 'stacks', 'embedded.yaml'), 'utf8');
    const stack = parse(text) as { components: Record<string, unknown> };
    const board = (size: number): string => randomBytes(size * 375).toString('hex');
    const objects = [1, 2, 3].map((index) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `dashboard-${String(index)}` },
      data: { 'all.json': board(kilobytes) },
    }));
    stack.components['dashboards'] = {
      manifests: { namespace: 'dashboards', objects },
      ready: [{ rollout: 'Deployment/none' }],
    };
    const path = join(folder, 'stack.yaml');
    await writeFile(path, stringify(stack));
    const files = values === undefined ? [] : [`prometheus=${values}`];
    const options = { target: 'kubeconfig', stack: path, values: files } as const;
    return readStackRequest(options, undefined);
  }

  it('is refused before anything starts, with what is large in it', async () => {
    await expect(request(900)).rejects.toMatchObject({
      type: 'stack.too-large',
      message: expect.stringMatching(/ConfigMap\/dashboard-[123] of dashboards: \d+ kB/u) as string,
    });
  });

  it('is taken below', async () => {
    expect((await request(200)).loaded.stack.components['dashboards']).toBeDefined();
  });
});
