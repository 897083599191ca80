/** One call of `tracewright` in a script or a line of text: its arguments as the shell hands them over. */
export type Call = readonly string[];

const token = /"[^"]*"|'[^']*'|(?:^|(?<=\s))#[^\n]*|[|;&\n()]+|[^\s"'|;&()]+/gu;

/**
 * The calls of `tracewright` and `npx tracewright` in a script. Knows what the docs use of the shell: quotes, comments,
 * pipes, lists, `$(…)`, lines that go on after a backslash.
 */
export function callsOf(script: string): Call[] {
  const commands: string[][] = [[]];
  for (const [text, end] of words(script.replaceAll('\\\n', ' '))) {
    if (end) commands.push([]);
    else commands.at(-1)?.push(text);
  }
  return commands.flatMap((words) => {
    const at = words.indexOf('tracewright');
    const before = words.slice(0, at).filter((word) => word !== 'npx' && !/^\w+=|^\$$|=\$$/u.test(word));
    return at >= 0 && before.length === 0 ? [words.slice(at + 1).map(withValues)] : [];
  });
}

/** A variable has some value. */
const withValues = (word: string): string => word.replaceAll(/\$\w+/gu, 'x');

/** The first word of every command: what a script needs besides `tracewright`. */
export function programsOf(script: string): Set<string> {
  const programs = new Set<string>();
  let first = true;
  for (const [text, end] of words(script.replaceAll('\\\n', ' '))) {
    if (first && !end && !/^\w+=|^\$$/u.test(text) && text !== 'npx') programs.add(text);
    first = end || (first && (text === 'npx' || /^\w+=|^\$$/u.test(text)));
  }
  return programs;
}

/** @returns each word without its quotes, and whether it ends a command */
function words(script: string): (readonly [text: string, ends: boolean])[] {
  const joined: { text: string; ends: boolean; at: number }[] = [];
  for (const { 0: text, index } of script.matchAll(token)) {
    if (text.startsWith('#')) continue;
    const ends = /^[|;&\n()]+$/u.test(text);
    const bare = /^["'].*["']$/su.test(text) ? text.slice(1, -1) : text;
    const last = joined.at(-1);
    // `tempo="1"` is one word.
    if (last && !ends && !last.ends && last.at === index) last.text += bare;
    else joined.push({ text: bare, ends, at: 0 });
    const now = joined.at(-1);
    if (now) now.at = index + text.length;
  }
  return joined.map(({ text, ends }) => [text, ends]);
}
