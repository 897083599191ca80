import type { StepProgress } from './progress.js';

/** What a step that has not begun waits for: `waits for operator`. */
export function waitText(step: StepProgress, steps: readonly StepProgress[], paused: boolean): string {
  const passed = ['done', 'skipped', 'removed'];
  const open = steps
    .filter(({ name, state }) => step.needs.includes(name) && !passed.includes(state))
    .map(({ name }) => name);
  if (open.length > 0) return `waits for ${open.join(', ')}`;
  return paused ? 'paused' : 'waits';
}
