import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';

/**
 * The tests of the trace store, which are Go's: the conformance with a true Tempo's answers, eviction, TraceQL, every
 * receiver. With Go's own caches, so that only the first run compiles what the collector consists of.
 */
test('the trace store passes its tests in Go', { timeout: 900_000 }, async () => {
  const result = await execa('go', ['test', './...'], {
    cwd: join(import.meta.dirname, '..', '..', 'embedded', 'tracing'),
    env: {
      CGO_ENABLED: '0',
      GOFLAGS: '-mod=readonly -modcacherw',
      GOTOOLCHAIN: 'local',
      GOWORK: 'off',
    },
    all: true,
    reject: false,
  });
  expect(result.exitCode, result.all).toBe(0);
});
