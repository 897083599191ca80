import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { deadlineIn } from '../../../src/domain/time-limits.js';
import type { Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { waitEstablished } from '../../../src/tools/kubernetes/definitions.js';
import type { Condition } from '../../../src/tools/kubernetes/objects.js';

const name = 'things.demo.tracewright.dev';

/** A cluster whose definition has these conditions at the first and at the second look, and then for ever. */
function clusterWith(...looks: readonly (readonly Condition[])[]): Kubernetes {
  let count = 0;
  const definition = (): object => {
    const conditions = looks[Math.min(count++, looks.length - 1)];
    const versions = [{ name: 'v1', served: true }];
    return {
      metadata: { name, resourceVersion: '1' },
      spec: { group: 'demo.tracewright.dev', names: { kind: 'Thing' }, versions },
      status: { conditions },
    };
  };
  return {
    discovery: { find: () => Promise.resolve({ root: '/apis', name: 'things', namespaced: true }) },
    json: ({ path }: { path: string }) =>
      Promise.resolve(path.endsWith(name) ? definition() : { metadata: {}, items: [definition()] }),
    stream: () => Promise.resolve(Object.assign(new PassThrough(), { setTimeout: () => undefined })),
  } as unknown as Kubernetes;
}

const condition = (type: string, status: string, reason: string, message = ''): Condition => {
  return { type, status, reason, message };
};
const accepted = condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found');
const installing = condition('Established', 'False', 'Installing', 'the initial names have been accepted');
const established = condition('Established', 'True', 'InitialNamesAccepted');

describe('waiting for a definition', () => {
  it('takes a server that has not come to it yet for slow, not for unwilling', async () => {
    const cluster = clusterWith([accepted, installing]);
    const started = performance.now();
    const waiting = waitEstablished(cluster, [name], { deadline: deadlineIn(300) });
    await expect(waiting).rejects.toMatchObject({ type: 'manifest.not-served', retryable: true });
    expect(performance.now() - started, 'the whole time of the step').toBeGreaterThan(290);
  });

  it('goes on as soon as it is served', async () => {
    await waitEstablished(clusterWith([accepted, installing], [accepted, established]), [name]);
  });

  it('fails at once, and for good, when another definition has its names', async () => {
    const conflict = condition('NamesAccepted', 'False', 'PluralConflict', '"things" is already in use');
    const waiting = waitEstablished(clusterWith([conflict, installing]), [name]);
    await expect(waiting).rejects.toMatchObject({ type: 'manifest.rejected', retryable: false });
  });
});
