import { expect, it } from 'vitest';
import { withParameters } from '../../src/domain/parameter.js';
import type { Stack } from '../../src/domain/stack.js';
import { parseAssignment } from '../../src/cli/parameters/read.js';
import { tutorialShapedStack } from '../support/stack.js';

const shape = tutorialShapedStack();
const [withValues, values]: [Stack, Record<string, unknown>] = (() => {
  const values = { image: { tag: '2.0.0', pull: 'Always' }, args: ['a', 'b'], text: 'x', 'a.b': 1 };
  const tempo = shape.components['tempo'];
  if (!tempo?.release) throw new Error('the shape has no tempo');
  return [
    {
      ...shape,
      components: { ...shape.components, tempo: { ...tempo, release: { ...tempo.release, values } } },
    },
    values,
  ];
})();

const after = (...assignments: string[]): Stack =>
  withParameters(
    withValues,
    assignments.map((text) => parseAssignment(text)),
  );
const tempoAfter = (...assignments: string[]): unknown =>
  after(...assignments).components['tempo']?.release?.values;
const hotrodAfter = (assignment: string): unknown =>
  after(assignment).components['hotrod']?.manifests?.objects[0];

it.each<[string, object]>([
  ['image.tag=2.1.0', { image: { tag: '2.1.0', pull: 'Always' } }],
  ['image={}', { image: [''] }],
  ['new.deep[0].name=x', { new: { deep: [{ name: 'x' }] } }],
  ['args[1]=c', { args: ['a', 'c'] }],
  ['args[2]=c', { args: ['a', 'b', 'c'] }],
  [String.raw`a\.b=2`, { 'a.b': 2 }],
  ['image=null', { image: null }],
])('%s changes that and nothing else', (assignment, change) => {
  expect(tempoAfter(`tempo.values.${assignment}`)).toEqual({ ...values, ...change });
});

it('leaves the stack that it was given alone, and applies one after the other', () => {
  const before = structuredClone(withValues);
  expect(
    tempoAfter('tempo.values.list[0]=a', 'tempo.values.list[1]=b', 'tempo.values.list[0]=c'),
  ).toMatchObject({
    list: ['c', 'b'],
  });
  expect(withValues).toEqual(before);
});

it('merges a file: maps key by key, lists as a whole', () => {
  const value = { image: { tag: '3' }, args: ['z'], more: true };
  const merged = withParameters(withValues, [{ given: '', component: 'tempo', path: ['values'], value }]);
  expect(merged.components['tempo']?.release?.values).toEqual({
    ...values,
    image: { tag: '3', pull: 'Always' },
    args: ['z'],
    more: true,
  });
});

it('changes a field of an object, by its kind and name or its place', () => {
  const wanted = { kind: 'Service', metadata: { name: 'hotrod' }, spec: { type: 'NodePort' } };
  expect(hotrodAfter('hotrod.objects.Service/hotrod.spec.type=NodePort')).toMatchObject(wanted);
  expect(hotrodAfter('hotrod.objects[0].spec.type=NodePort')).toMatchObject(wanted);
});

it.each([
  ['temp.values.a=1', 'The stack "shape" has no component "temp". Did you mean "tempo"?'],
  [
    'tempo.valuse.a=1',
    'The component "tempo" is a Helm release: "valuse" of it cannot be set. Did you mean "values"?',
  ],
  ['tempo.timeout.a=1', 'The component "tempo" is a Helm release: "timeout" of it cannot be set.'],
  ['tempo.values.text.sub=1', 'values.text is a string: it has no "sub".'],
  ['tempo.values.args.sub=1', 'values.args is a list: it has no "sub".'],
  ['tempo.values.image[0]=1', 'values.image is a map, not a list.'],
  ['tempo.values.args[5]=1', 'values.args has 2 entries: the next is [2].'],
  [
    'hotrod.values.a=1',
    'The component "hotrod" is manifests, which have no Helm values: "values" of it cannot be set.',
  ],
  ['hotrod.objects.Service/hotrot.spec=1', 'There is no such object. Did you mean "Service/hotrod"?'],
  ['hotrod.objects[3].spec=1', 'There is no such object.'],
  ['hotrod.objects.Service/hotrod=1', 'It does not say which field of the object.'],
])('refuses %s, without its value', (assignment, why) => {
  const path = assignment.replace(/=.*/u, '');
  expect(() => after(assignment)).toThrow(
    expect.objectContaining({
      type: 'usage.invalid',
      message: `--set ${path} does not fit the stack. ${why}`,
    }),
  );
});
