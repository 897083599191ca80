import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Takes from the container, or from the process for `docker exec`, that runc is about to start what this machine cannot
 * give: capabilities that it lacks itself, a lower score for the killer of a full memory, higher limits. Called with
 * runc's arguments.
 */

/** In the order of their bits, from linux/capability.h. */
const capabilities = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'LINUX_IMMUTABLE',
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
  ],
  ...[
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_CHROOT',
    'SYS_PTRACE',
    'SYS_PACCT',
    'SYS_ADMIN',
    'SYS_BOOT',
    'SYS_NICE',
  ],
  ...['SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL'],
  ...[
    'SETFCAP',
    'MAC_OVERRIDE',
    'MAC_ADMIN',
    'SYSLOG',
    'WAKE_ALARM',
    'BLOCK_SUSPEND',
    'AUDIT_READ',
    'PERFMON',
  ],
  ...['BPF', 'CHECKPOINT_RESTORE'],
];

/** As much of the process in an OCI runtime specification as is changed here. */
interface Process {
  capabilities?: Record<string, string[]>;
  oomScoreAdj?: number;
  rlimits?: unknown;
}

const bounding = BigInt(
  `0x${/^CapBnd:\s*(\w+)$/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
);
const had = new Set(
  capabilities.flatMap((name, bit) => ((bounding >> BigInt(bit)) & 1n ? [`CAP_${name}`] : [])),
);

function strip(process: Process): void {
  for (const [set, names] of Object.entries(process.capabilities ?? {}))
    process.capabilities = { ...process.capabilities, [set]: names.filter((name) => had.has(name)) };
  if (had.has('CAP_SYS_RESOURCE')) return;
  delete process.oomScoreAdj;
  delete process.rlimits;
}

const args = process.argv.slice(2);
const after = (...flags: string[]): string | undefined =>
  args.find((_, index) => flags.includes(args[index - 1] ?? ''));

function change(path: string, processOf: (content: unknown) => Process): void {
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
  strip(processOf(content));
  writeFileSync(path, JSON.stringify(content));
}

const bundle = after('--bundle', '-b');
const file = args.includes('exec') ? after('--process', '-p') : undefined;
if (bundle !== undefined)
  change(join(bundle, 'config.json'), (spec) => (spec as { process: Process }).process);
if (file !== undefined) change(file, (spec) => spec as Process);
