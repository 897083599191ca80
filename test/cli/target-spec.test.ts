import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TargetOptions } from '../../src/cli/target-options.js';
import { targetSpecOf } from '../../src/cli/target-spec.js';
import type { SourceOptions } from '../../src/cli/stack-sources.js';
import { loadConfig } from '../../src/config.js';
import { thisMachine } from '../../src/targets/machine.js';
import type { TargetKind } from '../../src/domain/stack.js';
import { tutorialShapedStack } from '../support/stack.js';

const kubeconfig = (contexts: readonly string[], current?: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: {} }],
    contexts: contexts.map((name) => ({ name, context: { cluster: 'c', user: 'u' } })),
    ...(current !== undefined && { 'current-context': current }),
  });

describe('the target that the options mean', () => {
  let folder: string;
  const file = (name: string): string => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tracewright-test-'));
    await writeFile(file('work'), kubeconfig(['staging', 'production'], 'staging'));
    await writeFile(file('home'), kubeconfig(['lab'], 'lab'));
    await writeFile(file('undecided'), kubeconfig(['lab']));
    await writeFile(file('text'), 'a: [');
  });

  afterAll(() => rm(folder, { recursive: true }));

  const spec = (
    options: Partial<TargetOptions & SourceOptions>,
    { targets = ['embedded', 'kubeconfig'] as TargetKind[], environment = {} } = {},
  ): ReturnType<typeof targetSpecOf> =>
    targetSpecOf(
      loadConfig(environment),
      { target: 'auto', ...options },
      { ...tutorialShapedStack(), targets },
      thisMachine(loadConfig(environment)),
    );

  it('is a cluster of our own, unless an existing one is named', async () => {
    expect(await spec({})).toEqual({
      target: { kind: 'embedded', images: { built: true, dispensable: true } },
      why: expect.stringContaining('auto: ') as string,
    });
    expect(await spec({ kubeconfig: file('work') })).toEqual({
      target: { kind: 'kubeconfig', kubeconfigPath: file('work'), context: 'staging' },
      why: 'auto: --kubeconfig names a cluster; context staging',
    });
  });

  it.each([
    ['registry.local', 'https://registry.local'],
    ['registry.local:5000/a/b', 'https://registry.local:5000/v2/a/b'],
    ['http://k3d-registry.localhost:5000', 'http://k3d-registry.localhost:5000'],
  ])('tells the cluster of k3d where its images come from: %s', async (imagesFrom, endpoint) => {
    const { target } = await spec({ target: 'k3d', imagesFrom }, { targets: ['k3d'] });
    expect(target.k3d).toMatchObject({ apiPort: 6443, mirrors: { '*': [endpoint] } });
    expect((await spec({ target: 'k3d' }, { targets: ['k3d'] })).target.k3d).not.toHaveProperty('mirrors');
  });

  it('has an absolute path, and the context even when that was not named', async () => {
    const path = relative(process.cwd(), file('work'));
    expect((await spec({ target: 'kubeconfig', kubeconfig: path, context: 'production' })).target).toEqual({
      kind: 'kubeconfig',
      kubeconfigPath: file('work'),
      context: 'production',
    });
  });

  it('is looked up in the files of KUBECONFIG', async () => {
    const environment = { KUBECONFIG: [file('missing'), file('home'), file('work')].join(':') };
    const at = async (context?: string): Promise<unknown> =>
      (await spec({ target: 'kubeconfig', ...(context !== undefined && { context }) }, { environment }))
        .target;
    expect(await at()).toMatchObject({ kubeconfigPath: file('home'), context: 'lab' });
    // All files from the first on: cluster and user of a context may stand in another one.
    const files = [file('home'), file('work')].join(':');
    expect(await at('production')).toMatchObject({ kubeconfigPath: files, context: 'production' });
    await expect(at('nowhere')).rejects.toMatchObject({
      type: 'cluster.not-found',
      remedy: expect.stringContaining('lab') as string,
    });
  });

  it('may lie on the machine of a worker behind a Temporal server of our own', async () => {
    const options = { kubeconfig: file('missing'), context: 'lab' };
    expect(await spec(options, { environment: { TEMPORAL_ADDRESS: '127.0.0.1:7233' } })).toMatchObject({
      target: { kind: 'kubeconfig', kubeconfigPath: file('missing'), context: 'lab' },
    });
    await expect(spec(options)).rejects.toMatchObject({ type: 'cluster.not-found' });
  });

  it.each<[string, () => Partial<TargetOptions>, string]>([
    ['no such file', () => ({ kubeconfig: file('missing') }), 'There is no kubeconfig file'],
    ['no kubeconfig', () => ({ kubeconfig: file('text') }), 'is not a kubeconfig'],
    ['no such context', () => ({ kubeconfig: file('work'), context: 'x' }), 'has no context "x"'],
    ['no current context', () => ({ kubeconfig: file('undecided') }), 'has no current context'],
  ])('%s', async (_what, options, message) => {
    await expect(spec(options())).rejects.toMatchObject({
      type: 'cluster.not-found',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each<[string, Partial<TargetOptions>]>([
    ['--kubeconfig', { target: 'embedded', kubeconfig: 'file' }],
    ['--context', { target: 'embedded', context: 'lab' }],
    ['--adopt', { adopt: true }],
  ])('refuses %s for a cluster of our own', async (option, options) => {
    await expect(spec(options)).rejects.toMatchObject({
      type: 'usage.invalid',
      message: expect.stringContaining(`${option} is for existing clusters`) as string,
    });
  });

  it('refuses an existing cluster for a stack that is not made for one', async () => {
    await expect(spec({ context: 'lab' }, { targets: ['embedded'] })).rejects.toMatchObject({
      type: 'usage.invalid',
    });
  });
});
