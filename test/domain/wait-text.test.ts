import { expect, test } from 'vitest';
import { type StepProgress, type StepState, waitText } from '../../src/domain/progress.js';

const step = (name: string, state: StepState, ...needs: string[]): StepProgress => ({
  name,
  kind: 'release',
  title: name,
  state,
  needs,
});

test('a step waits for what is still open, and not for what that waits for itself', () => {
  const steps = [
    step('cluster', 'running'),
    step('cert-manager', 'pending', 'cluster'),
    step('operator', 'pending', 'cluster', 'cert-manager'),
    step('hotrod', 'done', 'cluster'),
    step('verification', 'pending', 'cluster', 'hotrod', 'operator', 'cert-manager'),
  ];
  const texts = steps.map((it) => waitText(it, { steps }));
  expect(texts.slice(1, 3)).toEqual(['waits for cluster', 'waits for cert-manager']);
  expect(texts[4]).toBe('waits for operator');
});

test('a step that could begin waits, or is paused', () => {
  const steps = [step('cluster', 'done'), step('tempo', 'pending', 'cluster')];
  expect(waitText(steps[1] as StepProgress, { steps })).toBe('waits');
  expect(waitText(steps[1] as StepProgress, { steps, paused: true })).toBe('paused');
  expect(waitText(steps[1] as StepProgress, { steps, queuedSince: 1, place: 3 })).toMatch(/slot.*\b3$/u);
});
