import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.js';

const metricsOf = (address: string, more: Record<string, string> = {}): string | undefined =>
  loadConfig({ TRACEWRIGHT_METRICS_ADDRESS: address, ...more }).metricsAddress;

describe('TRACEWRIGHT_METRICS_ADDRESS', () => {
  it.each([
    ['127.0.0.1:9464', '127.0.0.1:9464'],
    ['localhost:9464', '127.0.0.1:9464'],
    ['127.8.8.8:1', '127.8.8.8:1'],
    ['[::1]:9464', '[::1]:9464'],
    ['off', 'off'],
  ])('takes %s', (given, taken) => {
    expect(metricsOf(given)).toBe(taken);
  });

  it.each([
    '9464',
    ':9464',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    'metrics.example:9464',
    '::1:9464',
    '',
  ])('says how an address is written instead of "%s"', (given) => {
    expect(() => metricsOf(given)).toThrow(
      /TRACEWRIGHT_METRICS_ADDRESS has a wrong value: must be host:port/u,
    );
  });

  it.each(['0.0.0.0:9464', '10.1.2.3:9464', '[::]:9464'])(
    'refuses %s unless it is said to be meant',
    (given) => {
      expect(() => metricsOf(given)).toThrow(
        'which other machines reach, and the endpoint asks for no login',
      );
      expect(metricsOf(given, { TRACEWRIGHT_METRICS_PUBLIC: 'true' })).toBe(given);
    },
  );

  it('is off by default', () => {
    expect(loadConfig({}).metricsAddress).toBeUndefined();
  });
});
