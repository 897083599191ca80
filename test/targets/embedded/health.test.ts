import { describe, expect, test } from 'vitest';
import { isNodeReady, isServing, isStale, type NodeObject } from '../../../src/targets/embedded/health.js';
import type { Pod } from '../../../src/tools/kubernetes/objects.js';

const startedAt = Date.parse('2026-01-01T00:01:00.400Z');

const node = (status: string, lastHeartbeatTime: string): NodeObject => ({
  metadata: { name: 'dev' },
  status: { conditions: [{ type: 'Ready', status, lastHeartbeatTime }] },
});

const pod = (since: string, ready = 'True'): Pod => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
  status: {
    conditions: [{ type: 'Ready', status: ready }],
    containerStatuses: [{ name: 'web', state: { running: { startedAt: since } } }],
  },
});

describe('what the API server tells after a restart', () => {
  test('a node is ready only by the word of the kubelet that runs now', () => {
    expect(isNodeReady(node('True', '2026-01-01T00:00:59Z'), startedAt)).toBe(false);
    expect(isNodeReady(node('False', '2026-01-01T00:02:00Z'), startedAt)).toBe(false);
    expect(isNodeReady(node('True', '2026-01-01T00:02:00Z'), startedAt)).toBe(true);
    expect(isNodeReady({ metadata: { name: 'dev' } }, startedAt)).toBe(false);
  });

  test('times are whole seconds, so the second of the start counts as after it', () => {
    expect(isNodeReady(node('True', '2026-01-01T00:01:00Z'), startedAt)).toBe(true);
  });

  test('a pod of an earlier run is stale and does not serve', () => {
    const old = pod('2026-01-01T00:00:30Z');
    expect(isStale(old, startedAt)).toBe(true);
    expect(isServing(old, 'web:1', startedAt)).toBe(false);
    expect(isServing(pod('2026-01-01T00:01:30Z'), 'web:1', startedAt)).toBe(true);
  });

  test('a pod with another image, or one that is not ready, or one that is leaving, does not serve', () => {
    const fresh = pod('2026-01-01T00:01:30Z');
    expect(isServing(fresh, 'web:2', startedAt)).toBe(false);
    expect(isServing(pod('2026-01-01T00:01:30Z', 'False'), 'web:1', startedAt)).toBe(false);
    const leaving = { ...fresh, metadata: { ...fresh.metadata, deletionTimestamp: '2026-01-01T00:02:00Z' } };
    expect(isServing(leaving, 'web:1', startedAt)).toBe(false);
  });
});
