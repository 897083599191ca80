import type { Check } from '../../domain/check.js';

/** In the order in which they are shown. */
export const doctorGroups = {
  choice: 'What `up` would do',
  machine: 'This machine',
  tools: 'Tools',
  temporal: 'Temporal',
} as const;

export type DoctorGroup = keyof typeof doctorGroups;

export interface GroupedCheck extends Check {
  readonly group: DoctorGroup;
}

/** All that `doctor` found; what `doctor --json` prints. */
export interface DoctorReport {
  /** Whether `up` can go on: no check failed. */
  readonly ready: boolean;
  /** What `up` would install. */
  readonly environment: string;
  readonly stack: string;
  /** Where; missing where that could not be decided. */
  readonly target?: string;
  readonly checks: readonly GroupedCheck[];
}

export function inGroup(group: DoctorGroup, checks: readonly Check[]): GroupedCheck[] {
  return checks.map((check) => ({ group, ...check }));
}
