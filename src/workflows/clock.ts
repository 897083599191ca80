import { condition } from '@temporalio/workflow';

/**
 * Waits until a moment comes, or until something else has happened. What a workflow does next it must decide by this
 * answer, never by comparing a time with `Date.now()`: after a task that timed out, the next attempt was seen to have the
 * time of an earlier task, and every replay has another one.
 * @param at milliseconds since the epoch; one that is past comes at once
 * @param summary what happens then, for the Web UI
 * @returns whether it came; if not, `until` holds
 */
export async function comes(at: number, summary: string, until: () => boolean): Promise<boolean> {
  return !(await condition(until, Math.max(1, at - Date.now()), { summary }));
}
