import { endEvent, eventsBetween } from './events.js';
import type { Snapshot } from './follow.js';
import type { View } from './watch.js';

/** Newline-delimited JSON: an object for each event, as docs/reference/events.md describes them. */
export function createJsonView(print: (line: string) => void): View {
  let last: Snapshot | undefined;
  return {
    show: (snapshot) => {
      for (const event of eventsBetween(last, snapshot, Date.now())) print(JSON.stringify(event));
      last = snapshot;
    },
    end: (progress, exitCode) => {
      if (progress && exitCode !== undefined) print(JSON.stringify(endEvent(progress, exitCode, Date.now())));
    },
  };
}
