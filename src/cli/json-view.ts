import type { Snapshot } from './follow.js';
import type { View } from './watch.js';

/** Newline-delimited JSON: each snapshot in which something changed, as one object. */
export function createJsonView(print: (line: string) => void): View {
  let last = '';
  return {
    show: ({ progress, live }: Snapshot) => {
      const text = JSON.stringify({ ...progress, live: Object.fromEntries(live) });
      if (text !== last) print(text);
      last = text;
    },
    end: () => undefined,
  };
}
