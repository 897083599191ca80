import { isIP } from 'node:net';

/** Where the worker serves its metrics. */
interface MetricsAddress {
  /** An IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Turns the endpoint off, also one that the running worker has. */
export const metricsOff = 'off';

/** `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464` (which means 127.0.0.1). `undefined` for anything else. */
export function parseMetricsAddress(text: string): MetricsAddress | undefined {
  const { bracketed, plain, port } =
    /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+)):(?<port>\d{1,5})$/u.exec(text)?.groups ?? {};
  const host = bracketed ?? (plain === 'localhost' ? '127.0.0.1' : plain);
  const number = Number(port);
  const isAddress = host !== undefined && isIP(host) === (bracketed === undefined ? 4 : 6);
  return isAddress && number >= 1 && number <= 65_535 ? { host, port: number } : undefined;
}

/** As `parseMetricsAddress` reads it. */
export function metricsAddressText({ host, port }: MetricsAddress): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${String(port)}`;
}

/**
 * What is wrong with TRACEWRIGHT_METRICS_ADDRESS, as the end of a sentence; `undefined` when nothing is.
 * @param isPublic whether TRACEWRIGHT_METRICS_PUBLIC allows an address that other machines reach
 */
export function metricsAddressProblem(text: string, isPublic: boolean): string | undefined {
  if (text === metricsOff) return undefined;
  const address = parseMetricsAddress(text);
  if (!address) return 'must be host:port with an IP address of this machine, such as 127.0.0.1:9464, or off';
  if (isPublic || isLoopback(address)) return undefined;
  return (
    `names ${address.host}, which other machines reach, and the endpoint asks for no login: take 127.0.0.1, ` +
    'or set TRACEWRIGHT_METRICS_PUBLIC to true as well'
  );
}

function isLoopback({ host }: MetricsAddress): boolean {
  return host.startsWith('127.') || host === '::1';
}
