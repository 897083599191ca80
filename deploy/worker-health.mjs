// The container's health: the worker that wrote "ready" last is the one that runs. After a restart the file of the one before
// lies there still, so its pid and start time (proc(5), stat field 22) are compared.
import { readFileSync } from 'node:fs';

const { pid, startTime } = JSON.parse(readFileSync(process.env.TRACEWRIGHT_READY_FILE, 'utf8'));
const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
if (fields[19] !== startTime) throw new Error('The worker that was ready is gone.');
