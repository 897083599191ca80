// The container's health: the worker that wrote "ready" last is the one that runs. After a restart the file of the one before
// lies there still, so its pid and start time (proc(5), stat field 22) are compared.
import { readFileSync } from 'node:fs';

const marker = `${process.env.TRACEWRIGHT_STATE_DIR}/worker/ready.json`;
const { pid, startTime } = JSON.parse(readFileSync(marker, 'utf8'));
const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
if (fields[19] !== startTime) throw new Error('The worker that was ready is gone.');
