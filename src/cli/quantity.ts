/** At most 8 columns: `0.05 ms`, `7.2 ms`, `704 ms`, `1.20 s`, `75 s`, `12 min`. */
export function formatMs(ms: number): string {
  if (ms < 0.995) return `${ms.toFixed(2)} ms`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 9_995) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 599_500) return `${(ms / 1_000).toFixed(0)} s`;
  return `${(ms / 60_000).toFixed(0)} min`;
}

/** `1 span`, `2 spans`. */
export function countOf(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `just now`, `4 min ago`, `2 h ago`, `3 days ago`. @param ms since it happened */
export function agoText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 120) return `${String(minutes)} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${String(hours)} h ago` : `${String(Math.floor(hours / 24))} days ago`;
}
