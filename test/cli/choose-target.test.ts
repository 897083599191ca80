import { describe, expect, it } from 'vitest';
import { chooseStack, chooseTarget, onFirstThatCan, placed } from '../../src/cli/choose-target.js';
import { canDo } from '../../src/cli/target-spec.js';
import { TracewrightError } from '../../src/domain/failure.js';
import type { Availability, Clusters, Machine } from '../../src/domain/machine.js';
import type { TargetKind } from '../../src/domain/stack.js';
import { loadConfig } from '../../src/config.js';
import { thisMachine } from '../../src/targets/machine.js';
import { createK3dStandIn } from '../support/k3d-stand-in/index.js';
import { testFolder } from '../support/folder.js';
import { tutorialShapedStack } from '../support/stack.js';

const stack = (...targets: TargetKind[]) => ({ ...tutorialShapedStack(), targets });

const offline = (): Promise<string> => Promise.resolve('quay.io does not answer');
const online = (): Promise<undefined> => Promise.resolve(undefined);

/** A machine that can do these kinds. */
const machine = (...can: TargetKind[]): Pick<Machine, 'lookAt' | 'clusters'> => ({
  lookAt: (kind) =>
    Promise.resolve({
      possible: can.includes(kind),
      because: `${can.includes(kind) ? '' : 'no '}${kind} here`,
    }),
  clusters: () => Promise.resolve({}),
});

/** The same, where clusters were begun. */
const begun = (clusters: Clusters, ...can: TargetKind[]): ReturnType<typeof machine> => ({
  ...machine(...can),
  clusters: () => Promise.resolve(clusters),
});

/** One that only its name is asked of. */
const named = (name: string): Machine => ({ worker: { hostId: name, name } }) as Machine;

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
    const question = { target: 'auto', whyNoUpstream: offline } as const;
    expect(await chooseStack({ ...question, machine: machine('k3d') })).toEqual({
      name: 'current',
      why: 'auto: k3d here',
    });
    expect(await chooseStack({ ...question, machine: machine() })).toMatchObject({ name: 'embedded' });
  });

  it.each(['auto', 'embedded'] as const)(
    'is of the upstream charts without Docker where charts and images can be had: %s',
    async (target) => {
      const question = { target, machine: machine('embedded') };
      expect(await chooseStack({ ...question, whyNoUpstream: online })).toMatchObject({ name: 'current' });
      expect(await chooseStack({ ...question, whyNoUpstream: offline })).toEqual({
        name: 'embedded',
        why: expect.stringContaining('quay.io does not answer') as string,
      });
    },
  );

  it('asks, where there is no Go, for what would be downloaded in its place, and says what is missing', async () => {
    const withoutGo: Availability = {
      possible: true,
      because: 'embedded here',
      cannotBuild: 'there is no Go to build with',
      addresses: ['https://dl.k8s.io/x'],
    };
    const lookAt = (kind: string) =>
      Promise.resolve(kind === 'embedded' ? withoutGo : { possible: false, because: 'no' });
    const question = { target: 'auto', machine: { ...machine(), lookAt } } as const;
    const asked: (readonly string[])[] = [];
    const whyNoUpstream = (addresses: readonly string[]): Promise<undefined> => {
      asked.push(addresses);
      return Promise.resolve(undefined);
    };
    expect(await chooseStack({ ...question, whyNoUpstream })).toMatchObject({ name: 'current' });
    expect(asked).toEqual([['https://dl.k8s.io/x']]);
    expect(await chooseStack({ ...question, whyNoUpstream: offline })).toEqual({
      name: 'embedded',
      why: expect.stringMatching(/quay\.io does not answer; there is no Go/u) as string,
    });
  });

  it('is the embedded one where nothing can be installed yet, for the checks to say how', async () => {
    const lacking: Availability = { possible: true, because: 'embedded here', lacks: 'there is no Go' };
    const lookAt = (kind: string) =>
      Promise.resolve(kind === 'embedded' ? lacking : { possible: false, because: 'no' });
    const whyNoUpstream = (): never => {
      throw new Error('nobody is to be asked');
    };
    const here = { ...machine(), lookAt };
    expect(await chooseStack({ target: 'auto', machine: here, whyNoUpstream })).toMatchObject({
      name: 'embedded',
    });
    // Another one with Go goes before it.
    expect(await canDo(here as Machine, { kind: 'embedded' })).toBe(false);
  });

  it('is looked for on the network only where it decides', async () => {
    const whyNoUpstream = (): Promise<never> => Promise.reject(new Error('asked'));
    const question = { whyNoUpstream };
    await chooseStack({ ...question, target: 'auto', machine: machine('k3d', 'embedded') });
    await chooseStack({ ...question, target: 'kubeconfig', machine: machine('embedded') });
    await chooseStack({ ...question, target: 'embedded', machine: machine() });
  });

  it('is the one that was begun there, whatever became of Docker', async () => {
    const question = { whyNoUpstream: online, machine: begun({ embedded: 'k3d' }, 'k3d') };
    expect(await chooseStack({ ...question, target: 'auto' })).toEqual({
      name: 'embedded',
      why: 'auto: it was begun here',
    });
    expect(await chooseStack({ ...question, target: 'embedded' })).toMatchObject({ name: 'embedded' });
    const other = { ...question, machine: begun({ embedded: 'k3d' }, 'embedded') };
    expect(await chooseStack({ ...other, target: 'embedded' })).toMatchObject({ name: 'current' });
  });

  it('fits the target that is asked for', async () => {
    const answers = (['embedded', 'k3d', 'kubeconfig'] as const).map((target) =>
      chooseStack({ target, whyNoUpstream: offline, machine: machine() }),
    );
    expect((await Promise.all(answers)).map(({ name }) => name)).toEqual(['embedded', 'current', 'current']);
  });
});

describe('the machine that a new environment goes to', () => {
  const machines = [{} as Machine, named('b'), named('c')];
  const can = (...possible: (string | undefined)[]): Promise<string | undefined> =>
    onFirstThatCan(
      machines,
      ({ worker }) => Promise.resolve(worker?.name),
      (name) => Promise.resolve(possible.includes(name)),
    );
  const refusing = (...types: TracewrightError['type'][]): Promise<Machine> =>
    onFirstThatCan(
      machines,
      async (it) => {
        const type = types[machines.indexOf(it)];
        if (type)
          throw new TracewrightError({
            type,
            message: `${type} of ${it.worker?.name ?? 'here'}`,
            remedy: 'x',
          });
        return Promise.resolve(it);
      },
      () => Promise.resolve(true),
    );

  it('is the first that can do what is asked for, and else the first', async () => {
    expect(await can(undefined, 'b')).toBeUndefined();
    expect(await can('c', 'b')).toBe('b');
    expect(await can()).toBeUndefined();
  });

  it('is another one where one cannot, or does not answer', async () => {
    expect(await refusing('host.unsupported', 'host.lost')).toBe(machines[2]);
    await expect(
      refusing('host.unsupported', 'worker.outdated', 'temporal.worker-missing'),
    ).rejects.toMatchObject({
      type: 'host.unsupported',
      evidence: ['Also: worker.outdated of b', 'Also: temporal.worker-missing of c'],
    });
  });

  it('is not looked for any more after a wrong call', async () => {
    await expect(refusing('usage.invalid')).rejects.toMatchObject({ type: 'usage.invalid' });
  });

  it('stands in the reason, unless it is this one', () => {
    expect(placed('auto: Docker 28.2.2 runs here', {})).toBe('auto: Docker 28.2.2 runs here');
    expect(placed('auto: Docker 28.2.2 runs here', named('b'))).toBe('auto, on b: Docker 28.2.2 runs here');
    expect(placed('as asked for', named('b'))).toBe('as asked for, on b');
  });
});

describe('what this machine can do', () => {
  const seen = (variables: Record<string, string>): Promise<Availability> =>
    thisMachine(loadConfig(variables)).lookAt('k3d');

  it('is k3d when the Docker engine answers', async () => {
    const { variables, change } = await createK3dStandIn(await testFolder(), '');
    expect(await seen(variables)).toEqual({
      possible: true,
      because: 'Docker 28.2.2 runs here',
    });
    change((engine) => {
      engine.docker = 'down';
    });
    expect(await seen(variables)).toMatchObject({
      possible: false,
      because: 'the Docker engine does not answer',
    });
    expect(await seen({ PATH: '/nonexistent' })).toEqual({
      possible: false,
      because: 'there is no Docker here',
    });
  });
});
