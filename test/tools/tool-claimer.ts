/**
 * A real process for the tests of claims: `tool-claimer.ts <folder> <component>` claims the component, starts a shell
 * with a child, says their pids, and waits until it is killed.
 */
import { run } from '../../src/tools/process.js';
import { withTools } from '../../src/tools/tool-claim.js';

const [folder = '', component = ''] = process.argv.slice(2);
await withTools({ folder, component, token: 'token' }, (owner) =>
  run('sh', ['-c', 'sleep 300 & echo $$ $!; wait'], {
    owner,
    onLine: (line) => {
      console.log(line);
    },
  }),
);
