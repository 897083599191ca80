import { ownershipLabels } from '../../domain/names.js';
import type { ObjectMeta } from './objects.js';

/** Who made an object: written on it as labels, and read again before anything of it is touched. */
export interface Owner {
  readonly environment: string;
  /** Absent on what several components share, such as namespaces. */
  readonly component?: string | undefined;
}

export type Ownership = 'ours' | 'foreign';

/** The labels of an owner. */
export function labelsOf({ environment, component }: Owner): Record<string, string> {
  return {
    [ownershipLabels.environment]: environment,
    ...(component !== undefined && { [ownershipLabels.component]: component }),
  };
}

/** Ours is what carries the label of this very environment; another environment's is as foreign as a stranger's. */
export function ownershipOf(metadata: ObjectMeta, { environment }: Owner): Ownership {
  return metadata.labels?.[ownershipLabels.environment] === environment ? 'ours' : 'foreign';
}

/** A label selector for all that the owner made. */
export function selectorOf(owner: Owner): string {
  return Object.entries(labelsOf(owner))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
