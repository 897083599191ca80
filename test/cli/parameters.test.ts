import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAssignment, readParameters } from '../../src/cli/parameters/read.js';
import { applyParameters, chooseParameters } from '../../src/cli/parameters/choose.js';
import { testFolder } from '../support/folder.js';
import { containing } from '../support/match.js';
import { tutorialShapedStack } from '../support/stack.js';
import { cli } from './support.js';

describe('--set', () => {
  it.each<[string, unknown]>([
    ['', ''],
    ['true', true],
    ['null', null],
    ['12', 12],
    ['-1.5', '-1.5'],
    ['1e3', '1e3'],
    ['52e1234', '52e1234'],
    ['1.10', '1.10'],
    ['20190806', 20190806],
    ['+5', 5],
    ['TRUE', true],
    ['"12"', '12'],
    ["'true'", 'true'],
    ['9.3.6', '9.3.6'],
    ['0123', '0123'],
    ['12345678901234567890', '12345678901234567890'],
    ['yes', 'yes'],
    ['a: b', 'a: b'],
    ['a # b', 'a # b'],
    ['@x', '@x'],
    ['k=v', 'k=v'],
    ['[a, 2]', ['a', 2]],
    ['{a,2}', ['a', 2]],
    ['{}', ['']],
    ['{a: 1}', ['a: 1']],
    ['{"a": 1}', { a: 1 }],
    ['{1,true,null}', [1, true, null]],
    ['{https://a.example.com,https://b.example.com}', ['https://a.example.com', 'https://b.example.com']],
    ['{--log.level=debug,--web.listen-address=:9090}', ['--log.level=debug', '--web.listen-address=:9090']],
    [String.raw`x\,y`, 'x,y'],
    [String.raw`10.0.0.0/8\,.svc`, '10.0.0.0/8,.svc'],
    [String.raw`\{\{pod\}\}`, '{{pod}}'],
  ])('takes %j as %j', (text, value) => {
    expect(parseAssignment(`a.values.b=${text}`)).toEqual({
      given: `--set a.values.b=${text}`,
      component: 'a',
      path: ['values', 'b'],
      value,
    });
  });

  it.each<[string, unknown[]]>([
    ['values.b[0].c', ['values', 'b', 0, 'c']],
    ['values.b[0][1]', ['values', 'b', 0, 1]],
    [String.raw`values.nodeSelector.kubernetes\.io/os`, ['values', 'nodeSelector', 'kubernetes.io/os']],
    [String.raw`values.a\=b\[0\]`, ['values', 'a=b[0]']],
    ['objects.Deployment/x.spec', ['objects', 'Deployment/x', 'spec']],
  ])('reads the path %s', (path, keys) => {
    expect(parseAssignment(`a.${path}=1`).path).toEqual(keys);
  });

  it.each([
    'a.values.b',
    'a.values=1',
    'a=1',
    '=1',
    '.values.b=1',
    'a..b=1',
    'a.values.=1',
    'a.values.b[x]=1',
    'a.values.b[0]c=1',
    'a.values.b={open',
    'a.values.b={{pod}}',
  ])('refuses %s', (text) => {
    expect(() => parseAssignment(text)).toThrow(
      expect.objectContaining({ type: 'usage.invalid', message: containing('is not an assignment') }),
    );
  });

  it.each(['"open', '[open', '[1, 9007199254740993]', '"\\x"'])('refuses YAML that is none: %s', (text) => {
    expect(() => parseAssignment(`a.values.b=${text}`)).toThrow(
      expect.objectContaining({
        type: 'stack.malformed',
        message: containing('--set values.b:1:'),
      }),
    );
  });

  it.each(['1,c.values.d=2', 'x,y'])("refuses %s, which Helm's --set would take for several", (value) => {
    expect(() => parseAssignment(`a.values.b=${value}`)).toThrow(/takes one assignment/u);
  });
});

describe('--values', () => {
  const fileOf = async (text: string): Promise<string> => {
    const path = join(await testFolder(), 'values.yaml');
    await writeFile(path, text);
    return path;
  };

  it('reads files first, whatever the order; an empty file has no values', async () => {
    const [path, empty] = [await fileOf('a: { b: 1 }\n'), await fileOf('# nothing\n')];
    const read = await readParameters({ set: ['x.values.a.b=2'], values: [`x=${path}`, `y=${empty}`] });
    expect(read?.map(({ component, path, value }) => [component, path, value])).toEqual([
      ['x', ['values'], { a: { b: 1 } }],
      ['y', ['values'], {}],
      ['x', ['values', 'a', 'b'], 2],
    ]);
  });

  it.each([
    ['a: [', 'stack.malformed', /values\.yaml:1:5: /u],
    ['a: 1\na: 2\n', 'stack.malformed', /values\.yaml:2:1: Map keys must be unique/u],
    ['- a\n', 'stack.invalid', /values\.yaml:1:1: Helm values are a map, and this is a list\.$/u],
  ])('a file with %j', async (text, type, message) => {
    const path = await fileOf(text);
    await expect(readParameters({ values: [`x=${path}`] })).rejects.toMatchObject({
      type,
      message: expect.stringMatching(message) as string,
    });
  });

  it('a file that is not there, a folder, and an argument that names none', async () => {
    const folder = await testFolder();
    await mkdir(join(folder, 'values'));
    await expect(readParameters({ values: [`x=${folder}/no`] })).rejects.toMatchObject({
      type: 'usage.invalid',
      message: `There is no values file ${folder}/no.`,
    });
    await expect(readParameters({ values: [`x=${folder}/values`] })).rejects.toMatchObject({
      message: `The values file ${folder}/values cannot be read: it is a folder.`,
    });
    await expect(readParameters({ values: ['./values.yaml'] })).rejects.toMatchObject({
      type: 'usage.invalid',
    });
  });
});

describe('parameters of an environment', () => {
  const [one, two] = [parseAssignment('tempo.values.a=1'), parseAssignment('tempo.values.b=2')];
  const stack = tutorialShapedStack();
  const existing = { stack, parameters: [one] };

  it('stay when the next up gives none', () => {
    const note = 'As in the last up: --set tempo.values.a=1. --reset-values forgets that.';
    expect(chooseParameters(undefined, existing, 'shape')).toEqual({ parameters: [one], kept: true, note });
    expect(chooseParameters(undefined, undefined, 'shape')).toEqual({ parameters: [], kept: false });
    expect(chooseParameters(undefined, { stack }, 'shape')).toEqual({ parameters: [], kept: false });
  });

  it('go when it gives others, resets them, or takes another stack, and that is said', () => {
    const note = 'No longer, as it was in the last up: --set tempo.values.a=1.';
    expect(chooseParameters([two], existing, 'shape')).toEqual({ parameters: [two], kept: false, note });
    expect(chooseParameters([one, two], existing, 'shape')).toEqual({ parameters: [one, two], kept: false });
    expect(chooseParameters([], existing, 'shape')).toEqual({ parameters: [], kept: false, note });
    expect(chooseParameters(undefined, existing, 'other')).toEqual({ parameters: [], kept: false, note });
  });

  it('that no longer fit say how to get rid of them', () => {
    const choice = { parameters: [parseAssignment('gone.values.a=1')], kept: true };
    expect(() => applyParameters(stack, choice)).toThrow(
      expect.objectContaining({ type: 'usage.invalid', remedy: containing('--reset-values') }),
    );
  });

  it('must leave a stack', () => {
    const choice = { parameters: [parseAssignment('hotrod.objects[0].kind=[1]')], kept: false };
    expect(() => applyParameters(stack, choice)).toThrow(
      'With --set hotrod.objects[0].kind the stack is none: components.hotrod.manifests.objects[0].kind: expected string, received array.',
    );
  });
});

it('wrong ones end `up` as a wrong call, with a hint; what looks like a secret is warned of', async () => {
  const folder = await testFolder();
  const up = (...args: string[]) => cli(folder, ['up', '--stack', 'tutorial', ...args]);
  const wrong = await up('--set', 'temo.values.a=1');
  expect(wrong.exitCode).toBe(2);
  expect(wrong.errors[0]).toContain('[usage.invalid] --set temo.values.a does not fit the stack.');
  const missing = await up('--values', 'tempo=/nowhere/values.yaml');
  expect(missing.exitCode).toBe(2);
  expect(missing.errors[0]).toContain('[usage.invalid] There is no values file /nowhere/values.yaml.');
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: {} }],
      'current-context': 'c',
    }),
  );
  const secret = await up('--kubeconfig', kubeconfig, '--set', 'tempo.values.adminPassword=hunter22');
  expect(secret.errors[1]).toContain('tempo.values.adminPassword looks like a secret.');
  expect(secret.errors.join('\n')).not.toContain('hunter22');
});
