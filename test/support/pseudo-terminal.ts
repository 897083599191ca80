import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { execa } from 'execa';
import { findProgram } from '../../src/tools/find-program.js';

export interface PseudoTerminalOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly columns: number;
  readonly rows: number;
  /** In milliseconds: then it is ended. */
  readonly timeout: number;
}

/** Whether this machine has what makes a pseudo terminal: `script` of util-linux. */
export async function hasPseudoTerminal(): Promise<boolean> {
  return (await findProgram('script', process.env['PATH'])) !== undefined;
}

/** A program in a terminal of its own, as a person sees and uses it. */
export class PseudoTerminal {
  /** All that it has written, line ends as a terminal gets them. */
  output = '';
  /** Its exit code. */
  readonly ended: Promise<number | null>;
  private readonly process: ChildProcessWithoutNullStreams;

  /** @param command words without blanks or quotes */
  constructor(
    command: readonly string[],
    { env, columns, rows, timeout }: PseudoTerminalOptions,
    onOutput: (text: string) => void = () => undefined,
  ) {
    const size = `stty cols ${String(columns)} rows ${String(rows)}`;
    this.process = spawn('script', ['-qefc', `tty; ${size}; exec ${command.join(' ')}`, '/dev/null'], {
      env,
      timeout,
    });
    this.process.stdout.setEncoding('utf8');
    this.ended = once(this.process, 'exit').then(([code]) => code as number | null);
    this.process.stdout.on('data', (chunk: string) => {
      this.output += chunk;
      onOutput(chunk);
    });
  }

  async resize(columns: number): Promise<void> {
    const tty = /\/dev\/\S+/u.exec(this.output)?.[0] ?? '';
    await execa('stty', ['-F', tty, 'cols', String(columns)]);
  }

  press(key: string): void {
    this.process.stdin.write(key);
  }
}
