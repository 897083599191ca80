import { differs, isPutBack, type Progress } from '../domain/progress.js';

/** What the last look for drift found, and how it is put right; nothing where nobody has looked. */
export function driftLines({
  drift,
  driftObservedAt,
}: Pick<Progress, 'drift' | 'driftObservedAt'>): string[] {
  if (!drift || driftObservedAt === undefined) return [];
  const different = drift.filter(differs);
  const at = new Date(driftObservedAt).toISOString();
  if (different.length === 0) return [`  Drift             none, looked ${at}`];
  return [
    ...different.map(
      ({ component, state, detail }) => `  Drift             ${component}: ${state}, ${detail}`,
    ),
    ...(different.some(isPutBack)
      ? ['                    `tracewright up`, called as before, puts it back']
      : []),
  ];
}
