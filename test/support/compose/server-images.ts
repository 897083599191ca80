import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideTemporal } from '../../../src/tools/temporal-binary.js';
import { sharedCacheDir } from '../cache.js';
import type { DockerEngine } from '../docker/engine.js';
import { debianRoot, temporalServer, temporalUi } from './programs.js';
import { makeImage } from './recipe.js';

/*
 * Images under the names that the compose file has for what is not ours. Server, tools, schema and Web UI are compiled
 * from the Go modules of those versions and laid out as the Dockerfiles of the modules say, with their entrypoints;
 * PostgreSQL is Debian's. Stand-ins are what lies around them: Debian in the place of Alpine, and an entrypoint for
 * PostgreSQL that does what the image's does with the variables of the compose file.
 */

/** Of Debian 12; the compose file is told so by POSTGRES_VERSION. */
export const postgresVersion = '15';

const base = 'debian-server:test';
const user = 'RUN groupadd --gid 1000 temporal && useradd --uid 1000 --gid temporal --create-home temporal';
/** As in Alpine, whose shell knows `pipefail`. */
const shell = 'RUN ln -sf /bin/busybox /bin/sh';

export interface ServerVersions {
  /** Such as `1.32.0`. */
  readonly temporal: readonly string[];
  /** Such as `2.54.1`. */
  readonly ui: string;
}

/** Loads all of them. The first time on a machine that is half an hour of compiling. */
export async function loadServerImages(
  engine: DockerEngine,
  { temporal, ui }: ServerVersions,
): Promise<void> {
  const packages = ['busybox-static', 'netcat-openbsd', `postgresql-${postgresVersion}`];
  await engine.docker('import', await debianRoot(...packages), base);
  await loadPostgres(engine);
  for (const version of temporal) await loadTemporal(engine, version);
  await loadUi(engine, ui);
}

async function loadPostgres(engine: DockerEngine): Promise<void> {
  const programs = `/usr/lib/postgresql/${postgresVersion}/bin`;
  await makeImage(engine, {
    name: `postgres:${postgresVersion}`,
    from: base,
    files: { 'usr/local/bin/entrypoint.sh': join(import.meta.dirname, 'postgres-entrypoint.sh') },
    steps: [
      `ENV PGDATA=/var/lib/postgresql/data PATH=${programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin`,
      'ENV LANG=C.UTF-8',
      'VOLUME /var/lib/postgresql/data',
      'STOPSIGNAL SIGINT',
      'ENTRYPOINT ["entrypoint.sh"]',
    ],
  });
}

async function loadTemporal(engine: DockerEngine, version: string): Promise<void> {
  const made = await temporalServer(version);
  const cli = await provideTemporal({ cacheDir: sharedCacheDir, environment: process.env });
  await makeImage(engine, {
    name: `temporalio/admin-tools:${version}`,
    from: base,
    files: {
      'usr/local/bin/temporal': cli.path,
      'usr/local/bin/temporal-sql-tool': join(made, 'temporal-sql-tool'),
      'etc/temporal/schema': join(made, 'schema'),
    },
    steps: [user, shell, 'USER temporal'],
  });
  const scratch = await mkdtemp(join(tmpdir(), 'docker-getent-'));
  try {
    // Alpine's tells one address of a name, Debian's all of them, and the entrypoint asks for its own.
    const getent = join(scratch, 'getent');
    await writeFile(getent, '#!/bin/sh\n/usr/bin/getent "$@" | head -n 1\n', { mode: 0o755 });
    await makeImage(engine, {
      name: `temporalio/server:${version}`,
      from: base,
      files: {
        'usr/local/bin/getent': getent,
        'usr/local/bin/temporal-server': join(made, 'temporal-server'),
        'etc/temporal/entrypoint.sh': join(made, 'docker/scripts/sh/entrypoint.sh'),
      },
      steps: [
        user,
        `${shell} && chmod 0755 /etc/temporal/entrypoint.sh`,
        'WORKDIR /etc/temporal',
        'USER temporal',
        'CMD ["/etc/temporal/entrypoint.sh"]',
      ],
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function loadUi(engine: DockerEngine, version: string): Promise<void> {
  const made = await temporalUi(version);
  const home = 'home/ui-server';
  await makeImage(engine, {
    name: `temporalio/ui:${version}`,
    from: base,
    files: {
      [`${home}/ui-server`]: join(made, 'ui-server'),
      [`${home}/config/docker.yaml`]: join(made, 'config/docker.yaml'),
      [`${home}/start-ui-server.sh`]: join(made, 'docker/start-ui-server.sh'),
    },
    steps: [
      `${user} && chmod 0755 /${home}/start-ui-server.sh`,
      `WORKDIR /${home}`,
      'USER temporal',
      'ENTRYPOINT ["./start-ui-server.sh"]',
    ],
  });
}
