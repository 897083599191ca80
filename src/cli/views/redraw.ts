import type { WriteStream } from 'node:tty';
import { rowsOf } from './text-width.js';

/** As much of a terminal as is drawn on. `columns` change when a person resizes it. */
export type Terminal = Pick<WriteStream, 'write' | 'columns' | 'rows' | 'on' | 'off'>;

const eraseToEndOfLine = '\u001b[K';
const eraseBelow = '\u001b[J';
/** Terminals that know this show what is between the two at once; the others ignore it. */
const [together, shown] = ['\u001b[?2026h', '\u001b[?2026l'];

/**
 * Lines at the end of what a terminal shows, drawn again in place. Lines are written over and never erased before, so
 * that nothing flickers; the cursor stays where a shell expects it, so that nothing is to be repaired when the process
 * is killed.
 */
export class Redraw {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];
  #columns = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Draws the lines in the place of the last ones. They must be narrower than the terminal. */
  draw(lines: readonly string[]): void {
    const { columns } = this.#terminal;
    const resized = columns !== this.#columns;
    // Terminals break lines for which they have become too narrow.
    const rows = this.#drawn.reduce((sum, line) => sum + rowsOf(line, columns), 0);
    const text = lines.map((line, index) =>
      !resized && line === this.#drawn[index] ? '\n' : `${line}${eraseToEndOfLine}\n`,
    );
    const up = rows > 0 ? `\u001b[${String(rows)}A` : '';
    this.#terminal.write(`${together}${up}\r${text.join('')}${eraseBelow}${shown}`);
    this.#drawn = lines;
    this.#columns = columns;
  }

  /** Leaves the lines as they are; the next ones are drawn below them. */
  keep(): void {
    this.#drawn = [];
  }
}
