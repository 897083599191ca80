import xterm from '@xterm/headless';

/** How a run of characters looks. */
export interface Look {
  /** 0 to 15 of the terminal's palette; absent: the usual colour. */
  readonly color?: number;
  readonly bold?: true;
  readonly dim?: true;
}

/** Characters of one look, and the column at which they begin. */
export interface Run extends Look {
  readonly column: number;
  readonly text: string;
}

/** What a terminal shows at one moment: a list of runs for each row. */
export type Screen = readonly (readonly Run[])[];

export interface Moment {
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly screen: Screen;
}

/** A terminal that remembers how it looked after each piece of output. */
export class Recorder {
  readonly moments: Moment[] = [];
  readonly #terminal: xterm.Terminal;
  readonly #began = Date.now();
  #last = Promise.resolve();

  constructor(columns: number, rows: number) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  }

  write(text: string): void {
    const at = Date.now() - this.#began;
    this.#last = new Promise((resolve) => {
      this.#terminal.write(text, () => {
        this.moments.push({ at, screen: screenOf(this.#terminal) });
        resolve();
      });
    });
  }

  /** Once all that was written is seen. */
  async end(): Promise<readonly Moment[]> {
    await this.#last;
    return this.moments;
  }
}

function screenOf(terminal: xterm.Terminal): Screen {
  const { active } = terminal.buffer;
  return Array.from({ length: terminal.rows }, (_, row) => {
    const line = active.getLine(active.viewportY + row);
    return line ? runsOf(line) : [];
  });
}

function runsOf(line: xterm.IBufferLine): Run[] {
  const runs: Run[] = [];
  for (let column = 0; column < line.length; column += 1) {
    const cell = line.getCell(column);
    if (!cell || cell.getWidth() === 0) continue;
    const look: Look = {
      ...(cell.isFgPalette() && { color: cell.getFgColor() }),
      ...(cell.isBold() !== 0 && { bold: true as const }),
      ...(cell.isDim() !== 0 && { dim: true as const }),
    };
    const last = runs.at(-1);
    const text = cell.getChars() || ' ';
    if (last && sameLook(last, look)) runs[runs.length - 1] = { ...last, text: last.text + text };
    else runs.push({ ...look, column, text });
  }
  return runs.map((run) => ({ ...run, text: run.text.trimEnd() })).filter(({ text }) => text !== '');
}

function sameLook(a: Look, b: Look): boolean {
  return a.color === b.color && a.bold === b.bold && a.dim === b.dim;
}
