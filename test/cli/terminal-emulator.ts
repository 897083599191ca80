import { EventEmitter } from 'node:events';
import xterm from '@xterm/headless';
import type { Terminal } from '../../src/cli/views/redraw.js';

/** A terminal emulator: it breaks and joins lines as people's terminals do. */
export class TerminalEmulator extends EventEmitter {
  columns = 100;
  rows = 24;
  readonly #emulator = new xterm.Terminal({
    cols: this.columns,
    rows: this.rows,
    allowProposedApi: true,
    convertEol: true,
  });

  write(text: string): boolean {
    this.#emulator.write(text);
    return true;
  }

  /** What has been written before is shown before. */
  async resize(columns: number): Promise<void> {
    await this.shown();
    this.#emulator.resize(columns, this.rows);
    this.columns = columns;
  }

  /** All that it holds, scrolled away or not, rows of broken lines joined. */
  async shown(): Promise<string> {
    await new Promise<void>((resolve) => {
      this.#emulator.write('', resolve);
    });
    const { active } = this.#emulator.buffer;
    const rows = Array.from({ length: active.length }, (_, index) => active.getLine(index));
    return rows
      .map((row) => `${row?.isWrapped ? '' : '\n'}${row?.translateToString(true) ?? ''}`)
      .join('')
      .trim();
  }

  /** As the command line knows a terminal. */
  get asTerminal(): Terminal {
    return this as unknown as Terminal;
  }
}
