import { describe, expect, it } from 'vitest';
import { planOf, removalPlanOf } from '../../src/domain/plan.js';
import { tutorialShapedStack } from '../support/stack.js';

describe('planOf', () => {
  it('puts the cluster first, every step after its needs, and the verification last', () => {
    const plan = planOf(tutorialShapedStack());
    const order = plan.map(({ name }) => name);
    expect(order[0]).toBe('cluster');
    expect(order.at(-1)).toBe('verification');
    for (const step of plan)
      for (const need of step.needs) expect(order.indexOf(need)).toBeLessThan(order.indexOf(step.name));
  });

  it('is the graph of the tutorial', () => {
    const needs = Object.fromEntries(planOf(tutorialShapedStack()).map((step) => [step.name, step.needs]));
    expect(needs).toMatchObject({
      cluster: [],
      tempo: ['cluster'],
      'cert-manager': ['cluster'],
      operator: ['cluster', 'cert-manager'],
      collector: ['cluster', 'operator'],
      hotrod: ['cluster'],
    });
    expect(needs['verification']).toHaveLength(6);
  });

  it('orders a component that the file names before what it needs', () => {
    const stack = tutorialShapedStack();
    const { collector, ...others } = stack.components;
    stack.components = { ...(collector && { collector }), ...others };
    const order = planOf(stack).map(({ name }) => name);
    expect(order.indexOf('operator')).toBeLessThan(order.indexOf('collector'));
  });

  it('names the circle', () => {
    const stack = tutorialShapedStack();
    stack.components['cert-manager']?.needs.push('collector');
    expect(() => planOf(stack)).toThrow(
      expect.objectContaining({
        type: 'stack.cycle',
        message: expect.stringContaining('cert-manager → collector → operator → cert-manager') as string,
      }) as Error,
    );
  });

  it('names an unknown need and what there is', () => {
    const stack = tutorialShapedStack();
    stack.components['tempo']?.needs.push('temp');
    expect(() => planOf(stack)).toThrow(
      expect.objectContaining({
        type: 'stack.unknown-need',
        remedy: expect.stringContaining('tempo, prometheus-stack') as string,
      }) as Error,
    );
  });
});

describe('removalPlanOf', () => {
  it('removes each step after all that need it, and the cluster last', () => {
    const removal = removalPlanOf(planOf(tutorialShapedStack()));
    const needs = Object.fromEntries(removal.map((step) => [step.name, step.needs]));
    expect(needs['verification']).toBeUndefined();
    expect(needs['collector']).toEqual([]);
    expect(needs['operator']).toEqual(['collector']);
    expect(needs['cert-manager']).toEqual(['operator']);
    expect([...(needs['cluster'] ?? [])].sort()).toEqual([
      'cert-manager',
      'collector',
      'hotrod',
      'operator',
      'prometheus-stack',
      'tempo',
    ]);
    expect(removal.at(-1)?.name).toBe('cluster');
  });
});
