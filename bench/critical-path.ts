import { tookOf } from '../src/domain/critical-steps.js';
import type { StepProgress } from '../src/domain/progress.js';

/**
 * The chain of needs whose own times add up to most: no order of the same steps can be faster.
 * @param steps that have ended, each after those that it needs
 */
export function criticalPath(steps: readonly StepProgress[]): { ms: number; names: string[] } {
  const chains = new Map<string, { ms: number; names: string[] }>();
  for (const step of steps) {
    const needed = step.needs.map((need) => chains.get(need) ?? { ms: 0, names: [] });
    const longest = needed.reduce((a, b) => (b.ms > a.ms ? b : a), { ms: 0, names: [] });
    const ms = longest.ms + (tookOf(step, step.endedAt ?? 0) ?? 0);
    chains.set(step.name, { ms, names: [...longest.names, step.name] });
  }
  return [...chains.values()].reduce((a, b) => (b.ms > a.ms ? b : a));
}
