import { describe, expect, it } from 'vitest';
import { leftoversOf, type Leftover } from '../../src/domain/leftovers.js';
import { installedPlanOf, planOf, removalPlanOf, type Plan } from '../../src/domain/plan.js';
import type { Stack } from '../../src/domain/stack.js';
import { tutorialShapedStack } from '../support/stack.js';

function changed(change: (components: Stack['components']) => void): Stack {
  const stack = tutorialShapedStack();
  change(stack.components);
  return stack;
}
const without = (...names: string[]): Stack =>
  changed((components) => {
    for (const name of names) Reflect.deleteProperty(components, name);
  });

const steps = (leftovers: readonly Leftover[]): string[] => leftovers.map(({ step }) => step);
const before = tutorialShapedStack();

/** In this plan the first is only begun after the second is done. */
function waitsFor(plan: Plan, first: string, second: string): boolean {
  const needs = plan.find(({ name }) => name === first)?.needs ?? [];
  return needs.includes(second) || needs.some((need) => waitsFor(plan, need, second));
}

describe('leftoversOf', () => {
  it('finds nothing where nothing goes', () => {
    expect(leftoversOf(before, tutorialShapedStack())).toEqual([]);
    expect(leftoversOf(without('tempo'), before)).toEqual([]);
  });

  it('finds dropped components, each after what it needs', () => {
    expect(steps(leftoversOf(before, without('collector', 'operator', 'cert-manager')))).toEqual([
      'cert-manager',
      'operator',
      'collector',
    ]);
  });

  it('finds a release that moved, and calls its step the old one', () => {
    const moved = changed(({ tempo }) => {
      if (tempo?.release) tempo.release.namespace = 'elsewhere';
    });
    const [leftover] = leftoversOf(before, moved);
    expect(leftover).toMatchObject({ step: 'tempo:old', component: 'tempo' });
    expect(leftover?.definition.release?.namespace).toBe('tracing');
    const [, again] = leftoversOf(
      moved,
      changed(({ tempo }) => {
        if (tempo?.release) tempo.release.namespace = 'third';
      }),
      leftoversOf(before, moved),
    );
    expect(again?.step).toBe('tempo:old2');
  });

  it('keeps the names of steps that may be running', () => {
    const to = (namespace: string): Stack =>
      changed(({ tempo }) => {
        if (tempo?.release) tempo.release.namespace = namespace;
      });
    const both = leftoversOf(to('second'), to('third'), leftoversOf(before, to('second')));
    expect(steps(both)).toEqual(['tempo:old', 'tempo:old2']);
    // The first is removed, the second is blocked, and the same stack is applied again.
    const [, second] = both;
    expect(steps(leftoversOf(to('third'), to('third'), second ? [second] : []))).toEqual(['tempo:old2']);
    // A component of that name takes it: then it is a new run.
    expect(steps(leftoversOf(without('tempo'), before, leftoversOf(to('second'), without('tempo'))))).toEqual(
      ['tempo:old'],
    );
  });

  it('finds only the objects that no component has any more, in whatever version of their group', () => {
    const two = changed(({ hotrod, collector }) => {
      hotrod?.manifests?.objects.push({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'extra' } });
      if (collector?.manifests?.objects[0])
        collector.manifests.objects[0].apiVersion = 'opentelemetry.io/v1beta1';
    });
    const [leftover, ...others] = leftoversOf(two, before);
    expect(others).toEqual([]);
    expect(leftover?.step).toBe('hotrod:old');
    expect(leftover?.definition.manifests?.objects.map(({ metadata }) => metadata.name)).toEqual(['extra']);
  });

  it('leaves alone what goes on under another name, and what comes back', () => {
    const renamed = changed((components) => {
      const { tempo } = components;
      Reflect.deleteProperty(components, 'tempo');
      if (tempo?.release) components.traces = { ...tempo, release: { ...tempo.release, name: 'tempo' } };
    });
    expect(leftoversOf(before, renamed)).toEqual([]);
    const gone = without('tempo');
    expect(leftoversOf(gone, before, leftoversOf(before, gone))).toEqual([]);
  });
});

describe('a plan with leftovers', () => {
  const after = changed((components) => {
    for (const name of ['operator', 'collector']) Reflect.deleteProperty(components, name);
    const release = components['cert-manager']?.release;
    if (release) release.namespace = 'elsewhere';
  });
  const leftovers = leftoversOf(before, after);
  const plan = planOf(after, leftovers);

  it('comes in an order in which each step is after all that it needs', () => {
    const order = plan.map(({ name }) => name);
    for (const step of plan)
      for (const need of step.needs) expect(order.indexOf(need)).toBeLessThan(order.indexOf(step.name));
  });

  it('frees a place before it is taken, with those first that need what is there', () => {
    expect(waitsFor(plan, 'cert-manager', 'cert-manager:old')).toBe(true);
    expect(waitsFor(plan, 'cert-manager:old', 'operator')).toBe(true);
    expect(waitsFor(plan, 'operator', 'collector')).toBe(true);
    expect(waitsFor(plan, 'tempo', 'collector')).toBe(false);
  });

  it('removes everything else when the new components are in place, and proves after that', () => {
    const dropped = without('hotrod');
    const later = planOf(dropped, leftoversOf(before, dropped));
    for (const name of Object.keys(dropped.components)) expect(waitsFor(later, 'hotrod', name)).toBe(true);
    expect(waitsFor(later, 'verification', 'hotrod')).toBe(true);
  });

  it('is torn down with its leftovers, those that need before what they need', () => {
    const removal = removalPlanOf(installedPlanOf(after, leftovers));
    expect(waitsFor(removal, 'operator', 'collector')).toBe(true);
    expect(waitsFor(removal, 'cert-manager:old', 'operator')).toBe(true);
    for (const { name } of removal.slice(0, -1)) expect(waitsFor(removal, 'cluster', name)).toBe(true);
  });
});
