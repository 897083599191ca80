import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

export interface GrafanaOptions {
  /** 9.3 cannot check the health of a Tempo datasource, 13 can. */
  readonly version: '9.3.6' | '13.2.0';
  /** Where the datasource points. */
  readonly tempoUrl: string;
  /** @default true */
  readonly anonymous?: boolean;
  /** Of the user admin. */
  readonly password?: string;
  /** @default Tempo */
  readonly datasource?: string;
}

const uid = 'P214B5B846CF3925F';

/** Answers as Grafana does, for what the verification asks of it. The datasource proxy is real: it asks Tempo. */
export class GrafanaServer {
  readonly asked: string[] = [];
  private readonly server: Server;
  private readonly options: GrafanaOptions;

  private constructor(options: GrafanaOptions) {
    this.options = options;
    this.server = createServer((request, response) => {
      void this.answer(request, response);
    });
  }

  static async start(options: GrafanaOptions): Promise<GrafanaServer> {
    const grafana = new GrafanaServer(options);
    grafana.server.listen(0, '127.0.0.1');
    await once(grafana.server, 'listening');
    return grafana;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { version, anonymous = true, password = 'prom-operator', datasource = 'Tempo' } = this.options;
    const path = request.url ?? '';
    this.asked.push(path);
    const isAdmin = request.headers.cookie === 'grafana_session=0123456789abcdef';
    const json = (status: number, body: object, headers: Record<string, string> = {}): void => {
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    };
    if (path === '/api/health') json(200, { commit: 'x', database: 'ok', version });
    else if (path === '/login') {
      const login = JSON.parse(await text(request)) as { user: string; password: string };
      if (login.user !== 'admin' || login.password !== password)
        json(401, { message: 'Invalid username or password' });
      else
        json(
          200,
          { message: 'Logged in' },
          { 'set-cookie': 'grafana_session=0123456789abcdef; Path=/; HttpOnly' },
        );
    } else if (!isAdmin && !anonymous) json(401, { message: 'Unauthorized' });
    else if (path === '/api/frontend/settings')
      json(200, { datasources: { [datasource]: { uid, type: 'tempo' } } });
    else if (path.startsWith('/api/datasources/name/')) {
      if (!isAdmin) json(403, { message: "You'll need additional permissions to perform this action." });
      else if (path.endsWith(`/${datasource}`)) json(200, { id: 2, uid, name: datasource, type: 'tempo' });
      else json(404, { message: 'Data source not found' });
    } else if (path === `/api/datasources/uid/${uid}/health`) {
      if (version === '9.3.6') json(404, { message: 'Not found' });
      else if (await this.reaches('/api/echo'))
        json(200, { message: 'Data source is working', status: 'OK' });
      else json(400, { message: 'Post "http://tempo": connection refused', status: 'ERROR' });
    } else if (path.startsWith(`/api/datasources/proxy/uid/${uid}/`)) {
      await this.proxy(path.replace(`/api/datasources/proxy/uid/${uid}`, ''), response);
    } else json(404, { message: 'Not found' });
  }

  private async reaches(path: string): Promise<boolean> {
    return (await fetch(this.options.tempoUrl + path).catch(() => undefined))?.status === 200;
  }

  private async proxy(path: string, response: ServerResponse): Promise<void> {
    const answer = await fetch(this.options.tempoUrl + path).catch(() => undefined);
    if (answer) response.writeHead(answer.status).end(await answer.text());
    else response.writeHead(502, { 'content-type': 'text/plain' }).end('');
  }
}
