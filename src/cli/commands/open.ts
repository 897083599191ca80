import { choosePages, pagesOf, type Page } from '../../domain/pages.js';
import { TracewrightError } from '../../domain/failure.js';
import { temporalPage } from '../../domain/stack.js';
import { findBrowser, openBrowser } from '../../tools/browser.js';
import { forwardPort, type PortForwarding } from '../../tools/kubernetes/port-forward.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { loginText } from '../page-login.js';
import { withCluster, type EnvironmentCluster } from '../with-cluster.js';

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
    if (options.port !== undefined && pages.length !== 1) throw onePort();
    const forwards: PortForwarding[] = [];
    try {
      if (names.includes(temporalPage)) await showTemporal(context, it, options);
      for (const page of pages) forwards.push(await show(context, it, page, options));
      if (forwards.length > 0) await untilInterrupted(context);
    } finally {
      await Promise.all(forwards.map((forward) => forward.close()));
    }
  });
  return exitCodes.ok;
}

async function show(
  context: CliContext,
  it: EnvironmentCluster,
  page: Page,
  options: OpenOptions,
): Promise<PortForwarding> {
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
