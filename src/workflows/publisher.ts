import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { Phase, Progress } from '../domain/progress.js';
import { currentDetails } from './presentation.js';
import { searchAttributesOf } from './search-attributes.js';

/** Tells the Web UI every change, and the search attributes (an event of the history each time) only a new phase. */
export function publisher(): (progress: Progress) => void {
  let published: Phase | undefined;
  return (progress) => {
    setCurrentDetails(currentDetails(progress));
    if (progress.phase === published) return;
    published = progress.phase;
    upsertSearchAttributes(searchAttributesOf(progress));
  };
}
