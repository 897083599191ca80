import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseStack } from '../../src/cli/choose-stack.js';
import { chooseTarget, type LookAtTarget } from '../../src/cli/choose-target.js';
import type { TargetKind } from '../../src/domain/stack.js';
import { availabilityOf } from '../../src/targets/availability.js';
import { createK3dStandIn } from '../support/k3d-stand-in/index.js';
import { testFolder } from '../support/folder.js';
import { tutorialShapedStack } from '../support/stack.js';

const stack = (...targets: TargetKind[]) => ({ ...tutorialShapedStack(), targets });

/** A machine that can do these kinds. */
const machine =
  (...can: TargetKind[]): LookAtTarget =>
  (kind) =>
    Promise.resolve({
      possible: can.includes(kind),
      because: `${can.includes(kind) ? '' : 'no '}${kind} here`,
    });

describe('the target that auto takes', () => {
  it('is the first of the stack that the machine can do, and says why', async () => {
    const both = stack('k3d', 'embedded', 'kubeconfig');
    expect(await chooseTarget('auto', both, machine('k3d', 'embedded'))).toEqual({
      kind: 'k3d',
      why: 'auto: k3d here',
    });
    expect(await chooseTarget('auto', both, machine('embedded'))).toEqual({
      kind: 'embedded',
      why: 'auto: no k3d here; embedded here',
    });
  });

  it('is an existing cluster only when the stack takes no other', async () => {
    expect((await chooseTarget('auto', stack('kubeconfig'), machine())).kind).toBe('kubeconfig');
    await expect(chooseTarget('auto', stack('k3d', 'kubeconfig'), machine('embedded'))).rejects.toMatchObject(
      {
        type: 'host.unsupported',
        message: 'The stack "shape" cannot be installed here: no k3d here; no kubeconfig here.',
        remedy:
          'Start Docker, or name an existing cluster with --kubeconfig, or use --stack embedded, which needs neither Docker nor a cluster.',
      },
    );
  });

  it('is not asked about what was asked for', async () => {
    expect(await chooseTarget('k3d', stack('k3d'), machine())).toEqual({ kind: 'k3d', why: 'as asked for' });
    await expect(chooseTarget('embedded', stack('k3d'), machine())).rejects.toMatchObject({
      type: 'usage.invalid',
      remedy: 'Use --target k3d, or another stack.',
    });
  });
});

describe('the stack that up means without --stack', () => {
  it('is of the upstream charts where Docker runs', async () => {
    const stateDir = await testFolder();
    expect(await chooseStack({ target: 'auto', stateDir, lookAt: machine('k3d') })).toEqual({
      name: 'current',
      why: 'auto: k3d here',
    });
    expect(await chooseStack({ target: 'auto', stateDir, lookAt: machine('embedded') })).toEqual({
      name: 'embedded',
      why: 'auto: no k3d here',
    });
  });

  it('is the one that was begun here, whatever became of Docker', async () => {
    const stateDir = await testFolder();
    await mkdir(join(stateDir, 'clusters', 'embedded'), { recursive: true });
    expect(await chooseStack({ target: 'auto', stateDir, lookAt: machine('k3d') })).toEqual({
      name: 'embedded',
      why: 'auto: it was begun here',
    });
  });

  it('fits the target that is asked for', async () => {
    const stateDir = await testFolder();
    const answers = (['embedded', 'k3d', 'kubeconfig'] as const).map((target) =>
      chooseStack({ target, stateDir, lookAt: machine() }),
    );
    expect((await Promise.all(answers)).map(({ name }) => name)).toEqual(['embedded', 'current', 'current']);
  });
});

describe('what this machine can do', () => {
  it('is k3d when the Docker engine answers', async () => {
    const { variables, change } = await createK3dStandIn(await testFolder(), '');
    expect(await availabilityOf('k3d', variables)).toEqual({
      possible: true,
      because: 'Docker 28.2.2 runs here',
    });
    change((engine) => {
      engine.docker = 'down';
    });
    expect(await availabilityOf('k3d', variables)).toMatchObject({
      possible: false,
      because: 'the Docker engine does not answer',
    });
    expect(await availabilityOf('k3d', { PATH: '/nonexistent' })).toEqual({
      possible: false,
      because: 'there is no Docker here',
    });
  });
});
