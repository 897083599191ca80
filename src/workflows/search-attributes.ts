import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { searchAttributes } from '../domain/names.js';
import type { Phase } from '../domain/progress.js';

/** What of an environment can be searched for. */
export interface Searchable {
  readonly environment: string;
  readonly stack: string;
  readonly target: string;
  readonly phase: Phase;
}

/** The search attributes of an environment, for its start by the client and for its changes by the workflow. */
export function searchAttributesOf({ environment, stack, target, phase }: Searchable): SearchAttributePair[] {
  const values = { environment, stack, target, phase };
  return (Object.keys(values) as (keyof typeof values)[]).map((name) => ({
    key: defineSearchAttributeKey(searchAttributes[name], 'KEYWORD'),
    value: values[name],
  }));
}
