import { didYouMean } from './did-you-mean.js';
import { TracewrightError } from './failure.js';
import { temporalPage, tracesPage, type PageSpec, type Stack } from './stack.js';

/** What can be opened in a browser. */
export interface Page extends PageSpec {
  readonly name: string;
  /** The first port to try on this machine. */
  readonly localPort: number;
  /** Begins with a slash. */
  readonly path: string;
}

/** The local ports of the tutorial: HotROD's own, 8080, is that of k3d's load balancer. */
const tutorialPorts = { grafana: 3000, hotrod: 7080 } as const;

/** In the order of the proof, then of the file; a page of the file replaces one of the same name. */
export function pagesOf({ proof, open = {} }: Stack): Page[] {
  const { ride, tempo, grafana } = proof;
  const known: Record<string, PageSpec> = {
    hotrod: { namespace: ride.namespace, service: ride.service, port: ride.port },
    // Tempo has no page of its own; this one tells its configuration and health.
    tempo: { namespace: tempo.namespace, service: tempo.service, port: tempo.port, path: '/status' },
    ...('service' in grafana && {
      grafana: {
        namespace: grafana.namespace,
        service: grafana.service,
        port: grafana.port,
        ...(grafana.secret && { login: loginOf(grafana.secret) }),
      },
    }),
    ...open,
  };
  return Object.entries(known).map(([name, page]) => ({
    ...page,
    name,
    localPort: page.localPort ?? localPortOf(name, page.port),
    path: page.path ?? '/',
  }));
}

function loginOf({
  name: secret,
  userKey,
  passwordKey,
}: {
  readonly name: string;
  readonly userKey: string;
  readonly passwordKey: string;
}): NonNullable<PageSpec['login']> {
  return { secret, userKey, passwordKey };
}

/** Ports below 1024 are not everybody's to use. */
function localPortOf(name: string, port: number): number {
  if (name === 'grafana' || name === 'hotrod') return tutorialPorts[name];
  return port < 1_024 ? 8_000 + port : port;
}

/**
 * The pages of these names; the Temporal Web UI and our page of traces, which are none of the cluster, are left out.
 * @throws TracewrightError `usage.invalid` for an unknown name, `page.unavailable` for one that this stack does without
 */
export function choosePages(stack: Stack, names: readonly string[]): Page[] {
  const pages = pagesOf(stack);
  return names
    .filter((name) => name !== temporalPage && name !== tracesPage)
    .map((name) => {
      const page = pages.find((it) => it.name === name);
      if (page) return page;
      const known = [...pages.map((it) => it.name), tracesPage, temporalPage];
      if (name === 'grafana' && 'skip' in stack.proof.grafana) {
        throw new TracewrightError({
          type: 'page.unavailable',
          message: `The stack ${stack.name} has no Grafana: ${stack.proof.grafana.skip}`,
          remedy: `It has ${known.join(', ')}. \`tracewright trace\` draws traces in the terminal, \`tracewright open traces\` shows them in the browser.`,
        });
      }
      throw new TracewrightError({
        type: 'usage.invalid',
        message: `The stack ${stack.name} has no page "${name}".${didYouMean(name, known)}`,
        remedy: `It has ${known.join(', ')}. A stack file names more below \`open\`.`,
      });
    });
}
