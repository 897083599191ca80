import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { isTracewrightError, toFailure } from '../domain/failure.js';
import { listenOn } from '../tools/kubernetes/port-forward.js';
import { answerHeaders, isSame, refusalOf } from './guard.js';
import type { FailureAnswer } from './wire.js';

/** One of the page's requests. */
export interface ApiCall {
  readonly method: string;
  /** Below `api/`, decoded: `['trace', 'abc']`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** Of a POST, from JSON. */
  readonly body: unknown;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** @returns what JSON has, or `undefined` where there is nothing of that path */
export type Api = (call: ApiCall) => Promise<object | undefined>;

export interface PageOptions {
  /** The first port to try, or the only one. */
  readonly port: number;
  readonly fixed: boolean;
  /** Of the built page: `index.html` and what it loads. */
  readonly folder: string;
  readonly api: Api;
}

export interface ServedPage {
  readonly port: number;
  /** With the token: whoever has it may look. */
  readonly url: string;
  /** Leads to `url` once, for the arguments of a browser's process: everybody on the machine can read those. */
  launchUrl(): string;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** In bytes. */
const tokenBytes = 16;
const maxBodyBytes = 4_096;

/**
 * Serves the page on 127.0.0.1, below a path that only who was given it knows.
 * @throws TracewrightError `port.taken`
 */
export async function servePage({ port: wanted, fixed, folder, api }: PageOptions): Promise<ServedPage> {
  const token = randomBytes(tokenBytes).toString('hex');
  const launches = new Set<string>();
  const files = await readFiles(folder);
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) sendFailure(response, error);
      else response.destroy();
    });
  });
  const port = await listenOn(server, { host: '127.0.0.1', port: wanted, fixed });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refusal = refusalOf(request, port);
    if (refusal) {
      send(response, refusal.status, 'text/plain; charset=utf-8', refusal.why);
      return;
    }
    const url = new URL(request.url ?? '/', `http://127.0.0.1:${String(port)}`);
    const [, first = '', ...rest] = url.pathname.split('/');
    if (first === 'launch' && launches.delete(rest.join('/'))) {
      response.writeHead(303, { ...answerHeaders, location: `/${token}/` }).end();
    } else if (!isSame(first, token) || rest.length === 0) {
      const why = first === 'launch' ? usedUp : 'There is nothing here.';
      send(response, 404, 'text/plain; charset=utf-8', why);
    } else if (rest[0] === 'api') await answerApi(request, response, url, rest.slice(1));
    else if (request.method === 'POST') send(response, 405, 'text/plain; charset=utf-8', 'It is to be read.');
    else sendFile(response, files.get(rest.join('/') || 'index.html'));
  };

  const answerApi = async (
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    path: readonly string[],
  ): Promise<void> => {
    const left = new AbortController();
    response.once('close', () => {
      left.abort();
    });
    const result = await api({
      method: request.method ?? 'GET',
      path: path.map(decodeURIComponent),
      query: url.searchParams,
      body: request.method === 'POST' ? JSON.parse(await readBody(request)) : undefined,
      signal: left.signal,
    });
    if (result) send(response, 200, 'application/json', JSON.stringify(result));
    else send(response, 404, 'text/plain; charset=utf-8', 'There is nothing here.');
  };

  return {
    port,
    url: `http://127.0.0.1:${String(port)}/${token}/`,
    launchUrl: () => {
      const code = randomBytes(tokenBytes).toString('hex');
      launches.add(code);
      return `http://127.0.0.1:${String(port)}/launch/${code}`;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

const usedUp =
  'This link works once, and was used. If it was not you, end `tracewright open traces` with Ctrl-C and run it again; ' +
  'else open the address that it has printed.';

interface File {
  readonly type: string;
  readonly body: Buffer;
}

/** All at the start: what is not among them has no path. */
async function readFiles(folder: string): Promise<ReadonlyMap<string, File>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries.flatMap((entry) => {
      const type = types[extname(entry.name)];
      if (!entry.isFile() || type === undefined) return [];
      const path = join(entry.parentPath, entry.name);
      const read = async (): Promise<[string, File]> => [
        path.slice(folder.length + 1),
        { type, body: await readFile(path) },
      ];
      return [read()];
    }),
  );
  return new Map(files);
}

function sendFile(response: ServerResponse, file: File | undefined): void {
  if (file) send(response, 200, file.type, file.body);
  else send(response, 404, 'text/plain; charset=utf-8', 'There is nothing here.');
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, {
    ...answerHeaders,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function sendFailure(response: ServerResponse, error: unknown): void {
  const { type, message, remedy, evidence } = toFailure(error);
  const body: FailureAnswer = { type, message, remedy, ...(evidence && { evidence }) };
  send(response, statusOf(error), 'application/json', JSON.stringify(body));
}

function statusOf(error: unknown): number {
  if (!isTracewrightError(error))
    return error instanceof SyntaxError || error instanceof URIError ? 400 : 500;
  if (error.type === 'trace.not-found') return 404;
  return error.type === 'usage.invalid' || !error.retryable ? 400 : 502;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new SyntaxError('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
