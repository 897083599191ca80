import { printable } from '../text-width.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text from elsewhere, safe in the text and in quoted attributes of a page: without control characters, on one line.
 */
export function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/gu, (it) => entities[it] ?? it);
}

/** Of the width of its frame, with no more digits than a screen shows: `12.34%`. */
export function percent(part: number, whole: number): string {
  const value = whole > 0 ? (part / whole) * 100 : 0;
  return `${String(Number(Math.min(Math.max(value, 0), 100).toFixed(2)))}%`;
}
