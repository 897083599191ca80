import type { StepProgress } from './progress.js';

/**
 * What a step that has not begun waits for: `waits for operator`. What those wait for themselves goes without saying.
 */
export function waitText(step: StepProgress, steps: readonly StepProgress[], paused: boolean): string {
  const passed = ['done', 'skipped', 'removed'];
  const open = new Map(steps.filter(({ state }) => !passed.includes(state)).map((it) => [it.name, it]));
  const awaited = openNeeds(step, open);
  const implied = new Set<StepProgress>();
  const note = (need: StepProgress): void => {
    for (const further of openNeeds(need, open)) {
      if (implied.has(further)) continue;
      implied.add(further);
      note(further);
    }
  };
  awaited.forEach(note);
  const names = awaited.filter((need) => !implied.has(need)).map(({ name }) => name);
  if (names.length > 0) return `waits for ${names.join(', ')}`;
  return paused ? 'paused' : 'waits';
}

function openNeeds({ needs }: StepProgress, open: ReadonlyMap<string, StepProgress>): StepProgress[] {
  return needs.flatMap((name) => open.get(name) ?? []);
}
