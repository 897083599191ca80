import { describe, expect, it } from 'vitest';
import { imagesOf } from '../../src/domain/images.js';
import { unfoldList } from '../../src/domain/object-lists.js';
import { stackSchema } from '../../src/domain/stack.js';
import { parseManifests } from '../../src/tools/kubernetes/manifests.js';
import { tutorialShapedStack } from '../support/stack.js';

const named = (name: string): object => ({ metadata: { name } });

describe('a list', () => {
  it.each([
    { what: 'no list', value: { kind: 'ConfigMap', ...named('a') }, names: ['a'] },
    {
      what: 'of anything',
      value: { kind: 'List', items: [{ kind: 'ConfigMap', ...named('a') }] },
      names: ['a'],
    },
    { what: 'of nothing', value: { kind: 'List', items: null }, names: [] },
    {
      what: 'in a list',
      value: { kind: 'List', items: [{ kind: 'SecretList', items: [named('a'), named('b')] }] },
      names: ['a', 'b'],
    },
  ])('$what is unfolded', ({ value, names }) => {
    const found = unfoldList({ apiVersion: 'v1', ...value }) as { metadata: { name: string } }[];
    expect(found.map(({ metadata }) => metadata.name)).toEqual(names);
  });

  it('gives its items the kind that they do not repeat', () => {
    expect(unfoldList({ apiVersion: 'v1', kind: 'ConfigMapList', items: [named('a')] })).toEqual([
      { apiVersion: 'v1', kind: 'ConfigMap', ...named('a') },
    ]);
  });

  it('among rendered manifests has no name, and needs none', () => {
    const objects = parseManifests(`apiVersion: v1
kind: ConfigMapList
items:
- { apiVersion: v1, kind: ConfigMap, metadata: { name: one }, data: { a: b } }
- { apiVersion: v1, kind: ConfigMap, metadata: { name: two } }
---
apiVersion: v1
kind: List
items:
---
# nothing
---
{ apiVersion: v1, kind: Pod, spec: { containers: [{ image: 'a:1' }] } }
`);
    expect(objects.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['ConfigMap', 'one'],
      ['ConfigMap', 'two'],
      ['Pod', undefined],
    ]);
    expect(imagesOf(objects)).toEqual(['a:1']);
  });

  it('may stand in a stack file', () => {
    const objects = [{ apiVersion: 'v1', kind: 'ConfigMapList', items: [named('a'), named('b')] }];
    const roles = { manifests: { namespace: 'x', objects }, ready: [{ rollout: 'Deployment/none' }] };
    const stack = stackSchema.parse({ ...tutorialShapedStack(), components: { roles } });
    expect(stack.components['roles']?.manifests?.objects).toMatchObject([
      { kind: 'ConfigMap', ...named('a') },
      { kind: 'ConfigMap', ...named('b') },
    ]);
  });
});
