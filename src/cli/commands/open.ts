import { TracewrightError } from '../../domain/failure.js';
import { choosePages, type Page, pagesOf } from '../../domain/pages.js';
import { type PageSpec, temporalPage, tracesPage } from '../../domain/stack.js';
import { findBrowser, openBrowser } from '../../tools/find-program.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { readSecret } from '../../tools/kubernetes/observe.js';
import { forwardPort } from '../../tools/kubernetes/port-forward.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { type EnvironmentCluster, withCluster } from '../with-cluster.js';

export interface OpenOptions {
  name?: string;
  /** The local address. */
  address: string;
  /** The local port, of one page. */
  port?: number;
  showPassword?: boolean;
  /** False: only print the addresses. */
  browser: boolean;
}

/** Makes pages of the environment reachable on this machine until Ctrl-C. Without names it lists what there is. */
export async function open(
  context: CliContext,
  names: readonly string[],
  options: OpenOptions,
): Promise<ExitCode> {
  await withCluster(context, options.name, async (it) => {
    if (names.length === 0) {
      list(context, it);
      return;
    }
    const pages = choosePages(it.spec.stack, [...new Set(names)]);
    const showsTraces = names.includes(tracesPage);
    if (options.port !== undefined && pages.length + Number(showsTraces) !== 1) throw onePort();
    const served: Served[] = [];
    try {
      if (names.includes(temporalPage)) await showTemporal(context, it, options);
      if (showsTraces) served.push(await showTraces(context, it, options));
      for (const page of pages) served.push(await show(context, it, page, options));
      if (served.length > 0) await untilInterrupted(context);
    } finally {
      await Promise.all(served.map((page) => page.close()));
    }
  });
  return exitCodes.ok;
}

interface Served {
  close(): Promise<void>;
}

async function showTraces(
  context: CliContext,
  it: EnvironmentCluster,
  options: OpenOptions,
): Promise<Served> {
  const { serveTraces } = await import('../serve-traces.js');
  const served = await serveTraces(context, it, options);
  context.print(`${context.paint('bold', tracesPage)}  ${served.url}`);
  await browse(context, served.launchUrl(), options);
  return served;
}

async function show(
  context: CliContext,
  it: EnvironmentCluster,
  page: Page,
  options: OpenOptions,
): Promise<Served> {
  const { print, note, paint } = context;
  const { address: host, port: fixedPort } = options;
  const forward = await forwardPort(it.kube(), page, {
    host,
    port: fixedPort ?? page.localPort,
    fixed: fixedPort !== undefined,
    onTrouble: (message) => {
      note(paint('yellow', `${page.name}: ${message}`));
    },
  });
  const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const url = `http://${shown.includes(':') ? `[${shown}]` : shown}:${String(forward.port)}${page.path}`;
  const taken =
    forward.port === (fixedPort ?? page.localPort) ? '' : `port ${String(page.localPort)} is taken`;
  print([paint('bold', page.name), url, paint('dim', taken)].filter((text) => text !== '').join('  '));
  if (page.login) print(`  ${await loginText(it.kube(), page, page.login, options.showPassword ?? false)}`);
  await browse(context, url, options);
  return forward;
}

async function showTemporal(
  context: CliContext,
  { session, environment }: EnvironmentCluster,
  options: OpenOptions,
): Promise<void> {
  const url = session.webUi(environment);
  if (url === undefined) {
    throw new TracewrightError({
      type: 'page.unavailable',
      message: `The Web UI of the Temporal server ${session.settings.address} is not known.`,
      remedy: `Open it yourself; the workflow is environment-${environment} in the namespace ${session.settings.namespace}.`,
    });
  }
  context.print(`${context.paint('bold', temporalPage)}  ${url}`);
  await browse(context, url, options);
}

async function browse(
  { config, terminal }: CliContext,
  url: string,
  { browser }: OpenOptions,
): Promise<void> {
  if (!browser || !terminal) return;
  const opener = await findBrowser(url, config.environment);
  if (opener) openBrowser(opener);
}

function list({ print, paint }: CliContext, { spec }: EnvironmentCluster): void {
  for (const { name, namespace, service, port } of pagesOf(spec.stack))
    print(`${paint('bold', name)}  Service ${namespace}/${service}, port ${String(port)}`);
  print(`${paint('bold', tracesPage)}  searches, traces and the proof, on a page of our own`);
  print(`${paint('bold', temporalPage)}  the Temporal Web UI`);
}

async function untilInterrupted({ note, paint, signal }: CliContext): Promise<void> {
  note(paint('dim', 'Ctrl-C ends it.'));
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}

function onePort(): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: '--port is for one page.',
    remedy: 'Open the pages one by one, or leave the ports to us.',
  });
}

/**
 * How one logs in. The Secret is read only when the password is to be shown.
 * @throws TracewrightError `page.unavailable` when it, or a key of it, is not there, `cluster.*`
 */
export async function loginText(
  kube: Kubernetes,
  { namespace }: Page,
  { secret, userKey, passwordKey }: NonNullable<PageSpec['login']>,
  showPassword: boolean,
): Promise<string> {
  const where = `the Secret ${namespace}/${secret}`;
  if (!showPassword) return `login: in ${where}; --show-password prints it`;
  const values = await readSecret(kube, { namespace, name: secret });
  const [user, password] = [values?.[userKey], values?.[passwordKey]];
  if (user !== undefined && password !== undefined) return `login: ${user}, password: ${password}`;
  throw new TracewrightError({
    type: 'page.unavailable',
    message: values
      ? `There is no ${user === undefined ? userKey : passwordKey} in ${where}.`
      : `There is no Secret ${namespace}/${secret}, where the login should be.`,
    remedy: 'Correct `login` of the page in the stack file.',
  });
}
