import stringWidth from 'fast-string-width';
import type { Paint, PaintStyle } from './format.js';

// Not before something is shortened: its tables take Node 25 ms.
let loaded: Intl.Segmenter | undefined;
const segmenter = (): Intl.Segmenter => (loaded ??= new Intl.Segmenter('en', { granularity: 'grapheme' }));

/**
 * Names of spans come from other people's programs: without control characters they cannot steer the terminal.
 * Lone marks and invisible direction changes go as well.
 */
export function printable(text: string): string {
  return text
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]/gu, '')
    .trim();
}

/** Columns that text takes in a terminal, painted or not. */
export const widthOf = (text: string): number => stringWidth(text);

/** Rows that a terminal of so many columns takes for a line, painted or not. */
export function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(line) / columns));
}

/** At most `columns` columns; what does not fit ends in "…". */
export function shorten(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let short = '';
  let width = 0;
  for (const { segment } of segmenter().segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    short += segment;
  }
  return columns > 0 ? `${short}…` : '';
}

/** Exactly `columns` columns. */
export function fit(text: string, columns: number): string {
  const short = shorten(text, columns);
  return short + ' '.repeat(Math.max(0, columns - widthOf(short)));
}

export interface Piece {
  readonly text: string;
  readonly style?: PaintStyle;
}

/**
 * The pieces one after the other, exactly `columns` wide: the first that does not fit is shortened, those behind it are
 * left out.
 */
export function fitPainted(pieces: readonly Piece[], columns: number, paint: Paint): string {
  let left = columns;
  let line = '';
  for (const { text, style } of pieces) {
    const short = shorten(text, left);
    line += style ? paint(style, short) : short;
    left -= widthOf(short);
    if (short !== text) break;
  }
  return line + ' '.repeat(Math.max(0, left));
}

/**
 * Lines of at most `columns` columns, broken between words; a longer word stands alone and is not cut, so that it can
 * be copied.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

/** Makes `wrap` leave the text on one line. */
export function keep(text: string): string {
  return text.replaceAll(' ', '\u00a0');
}

/** Takes out what `keep` has put in. */
export function unkeep(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}
