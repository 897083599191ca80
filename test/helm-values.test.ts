import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAssignment, readParameters } from '../src/cli/parameters/read.js';
import { isTracewrightError } from '../src/domain/failure.js';
import { withParameters } from '../src/domain/parameter.js';
import type { Stack } from '../src/domain/stack.js';
import { readStackDocument } from '../src/stack-document.js';
import { testFolder } from './support/folder.js';
import { createHelm } from '../src/tools/helm/helm.js';
import { testHelms } from './support/helm.js';
import { tutorialShapedStack } from './support/stack.js';

const run = promisify(execFile);

/** A chart that says what its values are; `helm` answers with them, or with what it refuses. */
async function echoChart(): Promise<string> {
  const folder = join(await testFolder(), 'echo');
  await mkdir(join(folder, 'templates'), { recursive: true });
  await writeFile(join(folder, 'Chart.yaml'), 'apiVersion: v2\nname: echo\nversion: 0.1.0\n');
  await writeFile(
    join(folder, 'templates', 'echo.yaml'),
    'kind: ConfigMap\napiVersion: v1\nmetadata: { name: echo }\ndata:\n  values: {{ toJson .Values | b64enc }}\n',
  );
  return folder;
}

let helm: string;
beforeAll(() => {
  helm = testHelms[0]?.binary ?? '';
});

async function helmValues(chart: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await run(helm, ['template', 'x', chart, ...args]);
  const base64 = /values: (\S+)/u.exec(stdout)?.[1] ?? '';
  return JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as unknown;
}

/** Many values in one call of helm: each under a key of its own. */
async function helmReads(chart: string, texts: readonly string[]): Promise<unknown[]> {
  const file = join(chart, 'values-of-test.yaml');
  await writeFile(file, texts.map((text, index) => `k${String(index)}: ${text}\n`).join(''));
  const values = (await helmValues(chart, '--values', file)) as Record<string, unknown>;
  return texts.map((_, index) => values[`k${String(index)}`]);
}

const weRead = (text: string): unknown =>
  (readStackDocument(`k: ${text}\n`, 'values.yaml').value as Record<string, unknown>)['k'];

const plainTexts =
  `y Y yes Yes YES yEs n N no No NO on On ON off Off OFF true True TRUE tRUE false null Null NULL nULL ~
  0400 0755 -0400 0644 0999 08 00 0 -0 +12 0o17 0o400 0b11 -0b11 0b12 0x1F 0X1F 0B11 0O17 0x_1F 0x 1_000 1__0 _1 1:30 190:20:30
  1.10 .5 -.5 +1.5 1. .1e3 1.e3 1e3 12e03 010e2 0400.5 08.5 1_0.5 0.1_0 52e1234 1e400 1e21 2001-12-14
  2001-12-14t21:59:43.10-05:00 = << 9.3.6 12e34 !!str_123 3.0 a-b`
    .split(/\s+/u)
    .filter((text) => text !== '!!str_123');

describe('values in a file', () => {
  it('mean what they mean to Helm', async () => {
    const theirs = await helmReads(await echoChart(), plainTexts);
    expect(plainTexts.map((text) => [text, weRead(text)])).toEqual(
      plainTexts.map((text, index) => [text, theirs[index]]),
    );
  });

  it('may be anchors, merges, nulls and tags', async () => {
    const chart = await echoChart();
    const file = join(chart, 'structured.yaml');
    const text = `base: &base { replicas: 1, on: two }
one: { <<: *base, replicas: 3 }
many: [*base, *base]
gone: ~
text: !!str 0400
bytes: !!binary aGVsbG8=
block: |
  no
dotted: [.2e0_8, .1_2, ._2, .2_, .2_e1, .1__2]
0400: octal
`;
    await writeFile(file, text);
    const { gone, ...ours } = readStackDocument(text, 'values.yaml').value as Record<string, unknown>;
    expect(gone).toBeNull();
    const { gone: theirs, ...others } = (await helmValues(chart, '--values', file)) as Record<
      string,
      unknown
    >;
    expect(theirs ?? null).toBeNull();
    expect(ours).toEqual(others);
  });

  it.each([
    '---\na: 1\n',
    '---\n---\na: 1\n',
    'a: 1\n---\n',
    'a: 1\n---\n# the end\n',
    '',
    '---\n',
    'null\n',
  ])('are what Helm makes of a file with nothing between its marks: %j', async (text) => {
    const chart = await echoChart();
    const file = join(chart, 'mine.yaml');
    await writeFile(file, text);
    expect(readStackDocument(text, 'v.yaml').value ?? {}).toEqual(await helmValues(chart, '--values', file));
  });

  it.each([
    ['a: 1\n---\nb: 2\n', 'v.yaml:3:1: '],
    ['a: 1\nnull: 2\n', 'v.yaml:2:1: '],
    ['? [x]\n: y\n', 'v.yaml:1:3: '],
  ])('are refused with their place where tools differ: %j', (text, place) => {
    expect(() => readStackDocument(text, 'v.yaml')).toThrow(
      expect.objectContaining({
        type: 'stack.malformed',
        message: expect.stringContaining(place) as string,
      }) as Error,
    );
  });

  it('may have many aliases of one anchor', () => {
    const text = `a: &a { b: 1 }\nlist: [${Array.from({ length: 500 }, () => '*a').join(', ')}]\n`;
    expect(readStackDocument(text, 'values.yaml').value).toHaveProperty('list.499', { b: 1 });
  });

  it.each([
    ...[
      '9007199254740993',
      '-9007199254740993',
      '9_007_199_254_740_993',
      '0x20000000000001',
      '0o400000000000000001',
    ],
    ...['0400000000000000001', '123456789012345678901', '.inf', '-.Inf', '.NaN'],
  ])('are refused with their place where they would be another: %s', (text) => {
    expect(() => readStackDocument(`a:\n  b: ${text}\n`, 'v.yaml')).toThrow(
      expect.objectContaining({
        type: 'stack.malformed',
        message: expect.stringContaining('v.yaml:2:6: ') as string,
      }) as Error,
    );
  });

  it('mean the same whatever they are', { timeout: 300_000 }, async () => {
    const chart = await echoChart();
    const part = fc.constantFrom(
      ...Array.from('0123456789+-._eExXobBnNyYtTfF~:'),
      'true',
      'null',
      'off',
      '0x',
      '0o',
      '.inf',
    );
    const plain = fc
      .array(part, { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(''))
      // What is no plain text, or stands for a structure; and what both refuse.
      .filter((text) => !/^[-:~?]?:?$|^- |: |:$|^-$|^---|^\.\.\.$|inf$|nan$/iu.test(text));
    const runs = Number(process.env['TRACEWRIGHT_FUZZ_RUNS'] ?? 300);
    const texts = fc.sample(plain, runs);
    for (let from = 0; from < texts.length; from += 500) {
      const some = texts.slice(from, from + 500).filter((text) => {
        try {
          weRead(text);
          return true;
        } catch (error) {
          if (!isTracewrightError(error)) throw error;
          return false;
        }
      });
      const theirs = await helmReads(chart, some);
      expect(some.map((text) => [text, weRead(text)])).toEqual(
        some.map((text, index) => [text, theirs[index]]),
      );
    }
  });
});

describe('--set', () => {
  it.each([
    'image.tag=52e1234',
    'image.tag=12e34',
    'image.tag=1.10',
    'image.tag=3.0',
    'limit=20000000',
    'redirectUris={https://a.example.com,https://b.example.com}',
    'extraArgs={--log.level=debug,--web.listen-address=:9090}',
    String.raw`noProxy=10.0.0.0/8\,.svc`,
    String.raw`legend=\{\{pod\}\}`,
    'image.tag=0123',
    'image.tag=20190806',
    'on=no',
    'a=TRUE',
    'a={}',
    'a={1,true,null}',
    'a=+5',
    'a=-0',
    'a=-1.5',
    'a=0x1F',
    'a={a: 1}',
    'a=k=v',
    'a= x ',
  ])("sets what Helm's does: %s", async (text) => {
    const { path, value } = parseAssignment(`c.values.${text}`);
    const ours = path.slice(1).reduceRight((inner, key) => ({ [key]: inner }), value as object);
    expect(ours).toEqual(await helmValues(await echoChart(), '--set', text));
  });

  it.each(['legend={{pod}}', 'a={x', 'a={a,{b}}', 'a=1,b'])('refuses what Helm refuses: %s', async (text) => {
    expect(() => parseAssignment(`c.values.${text}`)).toThrow(
      expect.objectContaining({ type: 'usage.invalid' }) as Error,
    );
    await expect(helmValues(await echoChart(), '--set', text)).rejects.toThrow('failed parsing --set');
  });
});

describe('an assignment on its way to a chart', () => {
  /** What a template makes of the values, word for word; a chart of two names, as values and as templates see them. */
  async function chart(): Promise<string> {
    const folder = await echoChart();
    const text = '{{ range $key, $value := .Values }}{{ $key }}={{ $value }} {{ kindOf $value }};{{ end }}';
    await writeFile(
      join(folder, 'templates', 'echo.yaml'),
      `kind: ConfigMap\napiVersion: v1\nmetadata: { name: echo }\ndata:\n  text: ${JSON.stringify(text)}\n`,
    );
    await writeFile(join(folder, 'values.yaml'), 'list: [1, 2]\nlimit: 5\n');
    return folder;
  }
  const templated = (text: string): unknown => /text: (.*)/u.exec(text)?.[1];

  it.each([
    ['--set', 'limit=20000000'],
    ['--set', 'image.tag=20190806'],
    ['--set', 'limit=-1000000'],
    ['--set', 'limit=3'],
    ['--set', 'list={1000000,x}'],
    ['--set', String.raw`a\.b\,c.d=1000000`],
    ['--set', 'limit=0123456789'],
    ['--set', '9007199254740993=9007199254740993'],
    ['--set', 'limit=-9223372036854775808'],
    ['--set', 'limit=9223372036854775808'],
    ['--set', 'list={1,+9007199254740993,x}'],
    ['--set-string', 'limit=9007199254740993'],
    ['--set', 'adminPassword=12345678'],
    ['--set-string', 'limit=20000000'],
    ['--set-string', 'limit=true'],
    ['--set-string', 'limit=null'],
    ['--set-string', 'list={1,true}'],
    ['--set-string', String.raw`noProxy=10.0.0.0/8\,.svc`],
    ['--set-json', 'limit=20000000'],
    ['--set-json', 'a={"b":[1,{"c":null}],"d":"no"}'],
    ['--set-json', 'text="1.10"'],
    ['--set-json', 'list=[]'],
  ] as const)('%s %s becomes what Helm makes of it', async (flag, text) => {
    const folder = await chart();
    const release = { namespace: 'x', chart: { path: folder }, values: {} };
    const stack = tutorialShapedStack();
    const components = {
      c: { needs: [], release, ready: [], timeout: '5m' },
    } as unknown as Stack['components'];
    const set = parseAssignment(`c.values.${text}`, flag);
    const { values = {}, wholeNumbers } =
      withParameters({ ...stack, components }, [set]).components['c']?.release ?? {};
    const ours = createHelm({
      binary: helm,
      homeDir: join(folder, '..', 'home'),
      kubeconfigPath: '/nowhere',
    });
    const rendered = await ours.template({
      namespace: 'x',
      name: 'x',
      chartPath: folder,
      values,
      wholeNumbers,
    });
    const { stdout } = await run(helm, ['template', 'x', folder, flag, text]);
    const [we, they] = [templated(rendered), templated(stdout)];
    // Those of a secret, which helm must not have among its arguments, are a text: it reads the same.
    expect(we).toBe(text.startsWith('adminPassword=') ? String(they).replace('int64', 'string') : they);
  });

  it('a long whole number is one only where --set says so last', () => {
    const component = { release: { namespace: 'x', chart: { path: '.' }, values: {} } };
    const stack = { components: { c: component } } as unknown as Stack;
    const wholeAfter = (...sets: Parameters<typeof parseAssignment>[]): unknown =>
      withParameters(
        stack,
        sets.map((set) => parseAssignment(...set)),
      ).components['c']?.release?.wholeNumbers;
    const digits = '9007199254740993';
    expect(wholeAfter([`c.values.a=${digits}`])).toEqual([['a']]);
    expect(wholeAfter([`c.values.a="${digits}"`])).toBeUndefined();
    expect(wholeAfter([`c.values.a=${digits}`], [`c.values.a=${digits}`, '--set-string'])).toBeUndefined();
    expect(wholeAfter([`c.values.a=${digits}`], [`c.values.ab=1`])).toEqual([['a'], ['ab']]);
  });

  it('--set-file takes the text of a file as it is', async () => {
    const file = join(await testFolder(), 'rules.json');
    await writeFile(file, '{"a": 1}\nno\n');
    const [read] = (await readParameters({ setFile: [`c.values.rules=${file}`] })) ?? [];
    expect(read).toMatchObject({ path: ['values', 'rules'], value: '{"a": 1}\nno\n' });
    expect(read?.value).toEqual(
      ((await helmValues(await echoChart(), '--set-file', `rules=${file}`)) as Record<string, unknown>)[
        'rules'
      ],
    );
    await expect(readParameters({ setFile: [`c.values.rules=${file}.none`] })).rejects.toMatchObject({
      type: 'usage.invalid',
    });
  });

  it.each(['a.values.b={', 'a.values.b=no', 'a.values.b=1e999', 'a.values.b=', 'a.values={}'])(
    '--set-json refuses %s',
    (text) => {
      expect(() => parseAssignment(text, '--set-json')).toThrow(
        expect.objectContaining({ type: 'usage.invalid' }) as Error,
      );
    },
  );

  it('--set-json refuses a number that would lose digits', () => {
    expect(() => parseAssignment('a.values.b=[9007199254740993]', '--set-json')).toThrow(
      expect.objectContaining({ type: 'stack.malformed' }) as Error,
    );
  });

  it('the last one wins: JSON, then --set, then texts and files', async () => {
    const read = await readParameters({
      set: ['c.values.a=1'],
      setString: ['c.values.a=2'],
      setJson: ['c.values.a=3'],
    });
    expect(read?.map(({ value }) => value)).toEqual([3, 1, '2']);
  });
});
