const sequence = /^\[(\??)(\d*)([A-Za-z])/u;
const escape = String.fromCharCode(27);

/**
 * What a terminal shows after this output, as far as the live view uses one: lines that are broken at the last column,
 * and the control sequences for up, start of line, erase, colours. Every line that was ever there, also those scrolled
 * away.
 * @throws Error for a sequence that it does not know
 */
export function screenOf(output: string, columns: number): string[] {
  const screen: string[][] = [[]];
  let [row, column] = [0, 0];
  const line = (): string[] => {
    while (screen.length <= row) screen.push([]);
    return screen[row] ?? [];
  };
  const control = (parameter: string, final: string): void => {
    if (final === 'A') row = Math.max(0, row - Number(parameter || 1));
    else if (final === 'K') line().length = Math.min(line().length, column);
    else if (final === 'J') {
      line().length = Math.min(line().length, column);
      screen.length = row + 1;
    } else if (final !== 'm') throw new Error(`unknown control sequence ${parameter}${final}`);
  };
  for (let rest = output; rest !== '';) {
    const [first = ''] = rest;
    const found = first === escape ? sequence.exec(rest.slice(1)) : null;
    rest = rest.slice(first.length + (found?.[0].length ?? 0));
    if (found) {
      // Private ones switch modes of the terminal.
      if (found[1] === '') control(found[2] ?? '', found[3] ?? '');
    } else if (first === '\n') [row, column] = [row + 1, 0];
    else if (first === '\r') column = 0;
    else {
      if (column === columns) [row, column] = [row + 1, 0];
      const cells = line();
      while (cells.length < column) cells.push(' ');
      cells[column] = first;
      column += 1;
    }
  }
  return screen.map((cells) => cells.join('').trimEnd());
}
