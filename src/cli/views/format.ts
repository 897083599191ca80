/** Between single quotes of a POSIX shell, whatever is in it. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** As it is to stand in a command that is printed to be copied: quoted where a shell would read it otherwise. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/u.test(text) ? text : shellQuote(text);
}

/** SGR parameters of each style: on, off. The 16 basic colours follow the theme of the user's terminal. */
const codes = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  brightGreen: [92, 39],
  brightYellow: [93, 39],
  brightBlue: [94, 39],
  brightMagenta: [95, 39],
  brightCyan: [96, 39],
} as const satisfies Record<string, readonly [number, number]>;

export type PaintStyle = keyof typeof codes;

/** `text` in a style, or as it is where there are no colours. */
export type Paint = (style: PaintStyle, text: string) => string;

/** @param enabled whether a person looks at a terminal and has not set NO_COLOR: the caller knows */
export function createPaint(enabled: boolean): Paint {
  return (style, text) => {
    if (!enabled || text === '') return text;
    const [on, off] = codes[style];
    return `\u001b[${String(on)}m${text}\u001b[${String(off)}m`;
  };
}
