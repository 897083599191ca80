import { expect, test } from 'vitest';
import { partTrouble, readPart } from '../../src/proof/diagnosis/part.js';
import type { Reader } from '../../src/proof/diagnosis/reader.js';
import type { ContainerState } from '../../src/tools/kubernetes/objects.js';

const address = { namespace: 'otel', service: 'collector', port: 4318 };
const labels = { app: 'collector' };

/** A collector of one pod that is not ready, and that has ended so. */
function clusterWith(end: NonNullable<ContainerState['terminated']>): Reader {
  const workload = {
    metadata: { name: 'collector' },
    spec: { replicas: 1, template: { metadata: { labels }, spec: { containers: [{ name: 'main' }] } } },
  };
  const status = {
    name: 'main',
    ready: false,
    restartCount: 3,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: end },
  };
  const pod = {
    metadata: { name: 'collector-0', namespace: 'otel', labels },
    spec: { containers: [{ name: 'main' }] },
    status: { phase: 'Running', containerStatuses: [status] },
  };
  const lists: Readonly<Record<string, readonly unknown[]>> = { deployments: [workload], pods: [pod] };
  return {
    object: () => Promise.resolve({ spec: { selector: labels, ports: [{ port: 4318 }] } } as never),
    list: (path) => Promise.resolve((lists[path.split('/').at(-1) ?? ''] ?? []) as never),
    answer: () => Promise.resolve(undefined),
    text: () => Promise.resolve('error decoding exporters'),
  };
}

test.each([
  ['its own exit', { exitCode: 1, reason: 'Error' }, false],
  ['too much memory', { exitCode: 137, reason: 'OOMKilled' }, false],
  ['a kill', { exitCode: 137, reason: 'Error' }, true],
  ['a termination', { exitCode: 143, reason: 'Error' }, true],
  ['a power cut', { exitCode: 255, reason: 'Unknown' }, true],
])('a container that ended by %s', async (_, end, passing) => {
  const part = await readPart(clusterWith(end), address);
  const trouble = partTrouble('The collector', address, part);
  expect(trouble?.passing).toBe(passing);
  expect(trouble?.why.includes('error decoding exporters')).toBe(!passing);
});
