import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseManifests } from '../../../src/tools/kubernetes/manifests.js';
import { parseExact, stringifyExact } from '../../../src/tools/kubernetes/exact-json.js';

describe('the JSON of Kubernetes', () => {
  it('keeps whole numbers as they are written', () => {
    const text =
      '{"a":9007199254740993,"b":[-9223372036854775808,18446744073709551615,9007199254740991,0.1234567890123456789],"c":"9007199254740993 \\"9007199254740993\\"","9007199254740993":1,"d":1e21}';
    const value = parseExact(text);
    expect(value).toEqual({
      a: 9007199254740993n,
      b: [-9223372036854775808n, 18446744073709551615n, 9007199254740991, 0.12345678901234568],
      c: '9007199254740993 "9007199254740993"',
      '9007199254740993': 1,
      d: 1e21,
    });
    expect(parseExact(stringifyExact(value))).toEqual(value);
    expect(stringifyExact(value)).toContain(
      '"a":9007199254740993,"b":[-9223372036854775808,18446744073709551615,',
    );
  });

  it('is otherwise what JSON.parse and JSON.stringify make of it', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(value, fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }), (it, number) => {
        const text = JSON.stringify([it, 'NUMBER']).replace('"NUMBER"', String(number));
        expect(stringifyExact(parseExact(JSON.stringify(it)))).toBe(JSON.stringify(it));
        expect(stringifyExact(parseExact(text))).toBe(text);
      }),
    );
    for (const broken of [
      '',
      '{',
      '[1234567890123456789',
      '"1234567890123456789',
      '{"a":1234567890123456789,}',
    ])
      expect(() => parseExact(broken)).toThrow(SyntaxError);
  });
});

it('rendered manifests keep them, too, in every spelling that Go knows', () => {
  const [object] = parseManifests(
    `kind: Limit\nspec: { a: 9007199254740993, b: 0x20000000000001, c: 0o400000000000000001, d: -9_223_372_036_854_775_808, e: 18446744073709551615, f: 18446744073709551616, g: 12 }\n`,
  );
  expect(object?.['spec']).toEqual({
    a: 9007199254740993n,
    b: 9007199254740993n,
    c: 9007199254740993n,
    d: -9223372036854775808n,
    e: 18446744073709551615n,
    f: 18446744073709552000,
    g: 12,
  });
});
