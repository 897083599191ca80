import { spawn } from 'node:child_process';

// The command line of the docs' blocks: what goes on until Ctrl-C gets it, once it has said what the reader waits for.
const [program, ...args] = process.argv.slice(2);
const until = args.includes('--follow') ? '\n' : args[0] === 'open' ? 'Ctrl-C ends it.' : undefined;

const child = spawn(process.execPath, [program, ...args], {
  stdio: ['inherit', until === undefined ? 'inherit' : 'pipe', until === undefined ? 'inherit' : 'pipe'],
});
let said = '';
for (const [stream, out] of [
  [child.stdout, process.stdout],
  [child.stderr, process.stderr],
]) {
  stream?.on('data', (chunk) => {
    out.write(chunk);
    const before = said.includes(until);
    said += chunk.toString();
    if (!before && said.includes(until)) child.kill('SIGINT');
  });
}
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? code : 128;
});
