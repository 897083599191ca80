import { access } from 'node:fs/promises';
import { isCancellation, isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { run, type ProcessOwner } from '../../tools/process.js';
import { findHostPrograms, type HostProgram, type HostPrograms } from './programs.js';
import { undoServicePolicy, withoutServiceStarts } from './service-policy.js';

/** What installs packages. */
export interface PackageTools {
  /** Absolute; where it is missing, nothing can be installed by us. */
  readonly aptGet: string;
  readonly dpkg: string;
}

const debian: PackageTools = { aptGet: '/usr/bin/apt-get', dpkg: 'dpkg' };
/** For another apt that runs at the same time, such as unattended upgrades, in seconds. */
const aptLockSeconds = 300;
const aptEnvironment = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1', LC_ALL: 'C.UTF-8' };
/** Services that the packages enable for the next boot; a machine that never had them must not get them from us. */
const servicesByPackage: Readonly<Record<string, string>> = {
  containerd: 'containerd',
  'etcd-server': 'etcd',
};

export interface EnsureProgramsOptions {
  onProgress(text: string): void;
  /** On top of those of this process: proxies. @default none */
  variables?: Readonly<Record<string, string | undefined>> | undefined;
  signal?: AbortSignal | undefined;
  owner?: ProcessOwner | undefined;
}

/**
 * Makes sure that the host has the programs of the embedded cluster. Missing ones are installed with apt-get where
 * that is possible (root, Debian or Ubuntu), without starting or enabling any service. They stay after a delete.
 * @param own names of programs that the node has of its own
 * @throws TracewrightError `host.packages-missing` with the command, `host.package-install-failed`, `tool.cancelled`
 */
export async function ensureHostPrograms(
  options: EnsureProgramsOptions,
  own: readonly string[] = [],
): Promise<HostPrograms> {
  await undoServicePolicy();
  const before = await findHostPrograms(own);
  if (before.missing.length === 0) return before;
  const packages = packagesFor(before.missing);
  await requireInstallable(before.missing);
  options.onProgress(`Installing system packages: ${packages.join(', ')}`);
  try {
    await withoutServiceStarts(() => install(packages, options));
  } catch (error) {
    throw isTracewrightError(error) ? error : unwritable(packages, error);
  }
  await disableServices(packages);
  const after = await findHostPrograms(own);
  if (after.missing.length > 0) throw cannotInstall(after.missing, packagesFor(after.missing));
  return after;
}

/**
 * The packages that `ensureHostPrograms` would install, none when all programs are there.
 * @throws TracewrightError `host.packages-missing` when it could not
 */
export async function planHostPrograms(own: readonly string[] = []): Promise<string[]> {
  const { missing } = await findHostPrograms(own);
  const packages = packagesFor(missing);
  if (missing.length > 0) await requireInstallable(missing);
  return packages;
}

/** The Debian packages of these programs, each once. */
export function packagesFor(programs: readonly HostProgram[]): string[] {
  return [...new Set(programs.map((program) => program.debianPackage))];
}

/** @throws TracewrightError `host.packages-missing` where we cannot install what is missing */
export async function requireInstallable(missing: readonly HostProgram[], tools = debian): Promise<void> {
  const isThere = await access(tools.aptGet).then(
    () => true,
    () => false,
  );
  if (process.getuid?.() !== 0 || !isThere) throw cannotInstall(missing, packagesFor(missing));
}

/**
 * Package lists may be missing or out of date on a fresh machine: they are updated only if the first try fails.
 * @throws TracewrightError `host.package-install-failed` with what apt-get said last, `tool.cancelled`
 */
export async function install(
  packages: readonly string[],
  options: EnsureProgramsOptions,
  tools = debian,
): Promise<void> {
  // --no-remove: a package of ours may conflict with one that the user needs (Docker's own containerd).
  const args = ['install', '--yes', '--no-remove', '--no-install-recommends', ...packages];
  try {
    await apt(tools, args, options);
  } catch (error) {
    if (isCancellation(error)) throw error;
    options.onProgress('Updating the package lists');
    try {
      // What an apt-get that was killed left half done; nothing otherwise.
      await run(tools.dpkg, ['--configure', '-a'], {
        env: { ...options.variables, ...aptEnvironment },
        owner: options.owner,
        signal: options.signal,
      });
      await apt(tools, ['update'], options);
      await apt(tools, args, options);
    } catch (second) {
      throw installFailed(packages, second);
    }
  }
}

async function apt(
  { aptGet }: PackageTools,
  args: readonly string[],
  options: EnsureProgramsOptions,
): Promise<void> {
  await run(
    aptGet,
    ['-o', `DPkg::Lock::Timeout=${String(aptLockSeconds)}`, '-o', 'Dpkg::Use-Pty=0', ...args],
    {
      env: { ...options.variables, ...aptEnvironment },
      signal: options.signal,
      owner: options.owner,
      onLine: (line) => {
        const step = /^(?:Get:\d+ \S+ \S+ \S+ (?<get>\S+)|Setting up (?<setUp>\S+))/u.exec(line)?.groups;
        if (step?.['get'] !== undefined) options.onProgress(`Downloading the package ${step['get']}`);
        if (step?.['setUp'] !== undefined) options.onProgress(`Installing the package ${step['setUp']}`);
      },
    },
  );
}

/** Works on the links below /etc/systemd, so also where systemd does not run. */
async function disableServices(packages: readonly string[]): Promise<void> {
  const services = packages.flatMap((name) => servicesByPackage[name] ?? []);
  if (services.length === 0) return;
  try {
    await run('systemctl', ['disable', '--quiet', ...services.map((service) => `${service}.service`)], {
      timeoutMs: 30_000,
    });
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    // No systemd, no such unit: then nothing starts them at boot either.
  }
}

function cannotInstall(missing: readonly HostProgram[], packages: readonly string[]): TracewrightError {
  const names = missing.map(({ program }) => (program === 'cni' ? 'the CNI plugins' : program)).join(', ');
  return new TracewrightError({
    type: 'host.packages-missing',
    message: `The embedded cluster needs programs that this machine does not have: ${names}.`,
    remedy: `Install them, on Debian or Ubuntu with: sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
  });
}

/** Immutable systems: /usr is read-only, also for root. */
export function unwritable(packages: readonly string[], cause: unknown): unknown {
  const { code, path = '/usr' } = cause as NodeJS.ErrnoException;
  if (code !== 'EROFS' && code !== 'EACCES' && code !== 'EPERM') return cause;
  return new TracewrightError({
    type: 'host.packages-missing',
    message: `The embedded cluster needs the packages ${packages.join(', ')}, and this machine lets nobody write ${path} (${code}).`,
    remedy: `Add them in the way of this system (its image, an extension, a layered package), or use another --target.`,
    cause,
  });
}

function installFailed(packages: readonly string[], cause: unknown): TracewrightError {
  if (isTracewrightError(cause) && isCancellation(cause)) return cause;
  return new TracewrightError({
    type: 'host.package-install-failed',
    message: `apt-get could not install ${packages.join(', ')}.`,
    remedy: `Look at its last lines, or run it yourself: sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
    evidence: isTracewrightError(cause) ? cause.evidence : [],
    cause,
  });
}
