import { describe, expect, test } from 'vitest';
import { parseTrace } from '../../src/domain/trace-json.js';

const hexSpan = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  name: 'GET /',
  kind: 2,
  startTimeUnixNano: '1700000000000000000',
  endTimeUnixNano: '1700000000250000000',
  attributes: [
    { key: 'http.status_code', value: { intValue: '200' } },
    { key: 'big', value: { intValue: '9223372036854775807' } },
    { key: 'ratio', value: { doubleValue: 0.5 } },
    { key: 'ok', value: { boolValue: true } },
    { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }] } } },
    { key: 'empty' },
  ],
  status: { code: 2, message: 'no luck' },
};
const base64Span = {
  ...hexSpan,
  traceId: 'CvdlGRbNQ92ESOshHIAxnA==',
  spanId: 't61rcWkgMzE=',
  parentSpanId: '',
  kind: 'SPAN_KIND_SERVER',
  status: { code: 'STATUS_CODE_ERROR', message: 'no luck' },
};
const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'web' } }] };
const of = (spans: object[], list: string, scopes: string): string =>
  JSON.stringify({ [list]: [{ resource, [scopes]: [{ spans }] }] });

describe('an answer of Tempo', () => {
  test.each([
    ['v1 with base64 ids', of([base64Span], 'batches', 'scopeSpans')],
    ['v1 of old exporters', of([base64Span], 'batches', 'instrumentationLibrarySpans')],
    ['OTLP with hexadecimal ids', of([hexSpan], 'resourceSpans', 'scopeSpans')],
    [
      'v2',
      JSON.stringify({
        trace: JSON.parse(of([base64Span], 'resourceSpans', 'scopeSpans')) as object,
        metrics: {},
      }),
    ],
  ])('%s becomes the same trace', (_name, json) => {
    const trace = parseTrace(json);
    expect(trace).toMatchObject({
      id: hexSpan.traceId,
      rootService: 'web',
      rootName: 'GET /',
      durationMs: 250,
    });
    expect(trace?.spans).toEqual([
      {
        id: 'b7ad6b7169203331',
        service: 'web',
        name: 'GET /',
        kind: 'server',
        startNs: '1700000000000000000',
        offsetMs: 0,
        durationMs: 250,
        status: 'error',
        error: 'no luck',
        attributes: {
          'http.status_code': 200,
          big: '9223372036854775807',
          ratio: 0.5,
          ok: true,
          list: '["a"]',
          empty: 'null',
        },
      },
    ]);
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  });

  test.each(['{}', '{"batches":[]}', '{"trace":{}}', '{"batches":[{"scopeSpans":[{"spans":[]}]}]}'])(
    '%s holds no trace',
    (json) => {
      expect(parseTrace(json)).toBeUndefined();
    },
  );

  test.each([
    ['a page of a proxy', '<html>', 'it is not JSON'],
    ['another shape', '{"batches":[{"scopeSpans":7}]}', 'expected array'],
    ['ids that are none', of([{ ...hexSpan, spanId: 'zz' }], 'batches', 'scopeSpans'), '"zz" is no span id'],
    ['no trace id', of([{ ...hexSpan, traceId: '' }], 'batches', 'scopeSpans'), 'no span has a trace id'],
  ])('%s is unreadable, and says why', (_name, json, why) => {
    expect(() => parseTrace(json)).toThrow(
      expect.objectContaining({ type: 'trace.unreadable', message: expect.stringContaining(why) as string }),
    );
  });

  test('attributes that JSON cannot hold, or that nest, do not make a trace unreadable', () => {
    // As text: JSON.stringify recurses, and runs out of stack before JSON.parse does.
    const deep = '{"arrayValue":{"values":['.repeat(3_000) + '{"intValue":1}' + ']}}'.repeat(3_000);
    const values = {
      amount: { doubleValue: 'NaN' },
      ratio: { doubleValue: 'Infinity' },
      floor: { doubleValue: '-Infinity' },
      share: { doubleValue: 0.5 },
      text: { doubleValue: '0.25' },
      count: { intValue: 7 },
      bytes: { bytesValue: 'AAEC' },
      map: {
        kvlistValue: {
          values: [
            { key: 'a', value: { intValue: '1' } },
            { key: '__proto__', value: { doubleValue: 'NaN' } },
            { key: 'list', value: { arrayValue: { values: [{ boolValue: false }, {}] } } },
          ],
        },
      },
      none: null,
      odd: { stringValue: 7 },
      newer: { stringRefValue: 'x' },
    };
    const attributes = Object.entries({ ...values, deep: 'DEEP' }).map(([key, value]) => ({ key, value }));
    const trace = parseTrace(
      of([{ ...hexSpan, attributes }], 'batches', 'scopeSpans').replace('"DEEP"', deep),
    );
    expect(trace?.spans[0]?.attributes).toEqual({
      amount: 'NaN',
      ratio: 'Infinity',
      floor: '-Infinity',
      share: 0.5,
      text: 0.25,
      count: 7,
      bytes: 'AAEC',
      map: '{"a":1,"__proto__":null,"list":[false,null]}',
      none: 'null',
      odd: 7,
      newer: 'x',
      deep: expect.stringMatching(/^\[{21}"…"\]{21}$/u) as string,
    });
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  });

  test.each([
    [
      'numbers where texts are usual',
      { name: 5, startTimeUnixNano: 1.7e18, endTimeUnixNano: 1.7e18, status: { code: 2, message: 404 } },
    ],
    [
      'nulls where nothing is said',
      { name: null, attributes: null, events: null, status: null, parentSpanId: null },
    ],
    ['times before 1970 and after all time', { startTimeUnixNano: '-5', endTimeUnixNano: '9'.repeat(40) }],
    ['an end before the start', { startTimeUnixNano: '2000', endTimeUnixNano: '1000' }],
    ['empty times', { startTimeUnixNano: '', endTimeUnixNano: '' }],
  ])('%s are read', (_, change) => {
    const span = parseTrace(of([{ ...hexSpan, ...change }], 'batches', 'scopeSpans'))?.spans[0];
    expect(span).toMatchObject({ service: 'web', offsetMs: 0 });
    expect(span?.durationMs).toBeGreaterThanOrEqual(0);
  });

  test('an unknown kind or status is none, and a span that was never ended has no duration', () => {
    const odd = { ...hexSpan, kind: 'SPAN_KIND_NEW', status: {}, endTimeUnixNano: '0' };
    expect(parseTrace(of([odd], 'batches', 'scopeSpans'))?.spans[0]).toMatchObject({
      kind: 'unspecified',
      status: 'unset',
      durationMs: 0,
    });
  });

  test('events are told with their time in the trace and their attributes', () => {
    const attributes = [{ key: 'exception.message', value: { stringValue: 'no luck' } }];
    const events = [
      { timeUnixNano: '1700000000050000000', name: 'exception', attributes },
      { timeUnixNano: '1700000000060000000' },
    ];
    expect(parseTrace(of([{ ...hexSpan, events }], 'batches', 'scopeSpans'))?.spans[0]?.events).toEqual([
      { name: 'exception', offsetMs: 50, attributes: { 'exception.message': 'no luck' } },
      { name: '', offsetMs: 60, attributes: {} },
    ]);
    expect(parseTrace(of([hexSpan], 'batches', 'scopeSpans'))?.spans[0]).not.toHaveProperty('events');
  });
});
