import { EventEmitter } from 'node:events';
import type { Terminal } from '../../src/cli/views/redraw.js';
import { screenOf } from '../support/screen.js';

/** A terminal that keeps what is written to it. */
export class RecordingTerminal extends EventEmitter {
  output = '';
  rows = 24;
  columns = 80;

  write(text: string): boolean {
    this.output += text;
    return true;
  }

  /** Writes a line, as the notes of a command do. */
  readonly note = (line: string): void => {
    this.output += `${line}\n`;
  };

  resize(columns: number): void {
    this.columns = columns;
    this.emit('resize');
  }

  /** What it shows, without the empty lines at the end. */
  shown(): string[] {
    const lines = screenOf(this.output, this.columns);
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
  }

  /** As the command line knows a terminal. */
  get asTerminal(): Terminal {
    return this as unknown as Terminal;
  }
}
