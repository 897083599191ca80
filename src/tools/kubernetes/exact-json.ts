import { randomUUID } from 'node:crypto';

/** Stands before the digits of a whole number within the JSON that JSON.parse and JSON.stringify see; nobody else knows it. */
const marker = `${randomUUID()} `;
const marked = new RegExp(`"${marker}(-?\\d+)"`, 'gu');

/** A text or a number, whole, so that digits within a text or behind a point are not taken for a number. */
const token = /"[^"\\]*(?:\\[^][^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/gu;

/**
 * JSON.parse for the objects of Kubernetes, whose whole numbers have 64 bits: those beyond 2^53, which a number of ours
 * would round, are bigints. (JSON.parse shows its reviver how a number is written only since Node 21.)
 * @throws SyntaxError
 */
export function parseExact(text: string): unknown {
  if (!/\d{16}/u.test(text)) return JSON.parse(text);
  const withMarks = text.replace(token, (part) => {
    const isLarge = /^-?\d{16,}$/u.test(part) && !Number.isSafeInteger(Number(part));
    return isLarge ? `"${marker}${part}"` : part;
  });
  if (withMarks === text) return JSON.parse(text);
  return JSON.parse(withMarks, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(marker) ? BigInt(value.slice(marker.length)) : value,
  );
}

/** JSON.stringify that writes bigints as the numbers they are. */
export function stringifyExact(value: unknown, indent?: number): string {
  const mark = (_key: string, part: unknown): unknown =>
    typeof part === 'bigint' ? `${marker}${String(part)}` : part;
  return JSON.stringify(value, mark, indent).replace(marked, '$1');
}
