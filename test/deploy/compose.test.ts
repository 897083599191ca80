import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import addFormatsModule from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = resolve(import.meta.dirname, '../..');
const text = await readFile(join(root, 'docker-compose.yml'), 'utf8');

interface Service {
  image?: string;
  build?: object;
  ports?: string[];
  restart?: string;
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  volumes?: string[];
  networks?: string[];
  security_opt?: string[];
}

const compose = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, object>;
  networks: Record<string, { internal?: boolean }>;
};
const services = Object.entries(compose.services);

/** The official schema, which a linter for compose files carries; read from the package so that it is not copied. */
async function composeSchema(): Promise<Record<string, unknown>> {
  const packageFile = createRequire(import.meta.url).resolve('dclint/package.json');
  const file = join(dirname(packageFile), 'schemas', 'compose.schema.json');
  const { $schema: _draft7, ...schema } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  return schema;
}

async function validator(): Promise<{ validate: (data: unknown) => boolean; errors: () => unknown }> {
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormatsModule.default(ajv);
  const validate = ajv.compile(await composeSchema());
  return { validate: (data) => validate(data), errors: () => validate.errors };
}

describe('docker-compose.yml', () => {
  it('follows the Compose specification', async () => {
    const { validate, errors } = await validator();
    expect(validate(compose) ? undefined : errors()).toBeUndefined();
    // The check can fail.
    expect(validate({ services: { server: { image: 'x', port: [] } } })).toBe(false);
    expect(
      validate({ services: { server: { image: 'x', depends_on: { other: { condition: 'healthy' } } } } }),
    ).toBe(false);
  });

  it('publishes nothing beyond this machine, and the database not at all', () => {
    const published = services.flatMap(([, { ports }]) => ports ?? []);
    expect(published).toHaveLength(2);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/u);
    expect(compose.services['postgres']?.ports).toBeUndefined();
    expect(compose.networks['database']).toEqual({ internal: true });
    const onDatabase = services
      .filter(([, { networks }]) => networks?.includes('database'))
      .map(([name]) => name);
    expect(onDatabase).toEqual(['postgres', 'schema', 'server']);
  });

  it('names a version for every image', () => {
    for (const [name, { image }] of services) {
      const tag = image?.split(':').slice(1).join(':');
      expect(tag, name).toMatch(/^(?:\$\{[A-Z_]+:-)?\d/u);
      expect(image).not.toContain('latest');
    }
  });

  it('holds no password: they come from .env, and their absence is said', async () => {
    for (const [name, { environment }] of services) {
      for (const [variable, value] of Object.entries(environment ?? {})) {
        if (/PASSWORD|PWD|SECRET|TOKEN|KEY/u.test(variable))
          expect(value, `${name} ${variable}`).toMatch(/^\$\{[A-Z_]+:\?/u);
      }
    }
    const example = await readFile(join(root, 'deploy/.env.example'), 'utf8');
    expect(example).toMatch(/^POSTGRES_PASSWORD=$/mu);
    const offered = new Set([...example.matchAll(/^#?([A-Z_]+)=/gmu)].map(([, name]) => name));
    for (const [, name] of text.matchAll(/\$\{([A-Z_]+)/gu)) expect(offered).toContain(name);
  });

  it('starts in order: database, schema, server, namespace, then what uses it', () => {
    const conditions = Object.fromEntries(
      services.map(([name, { depends_on }]) => [
        name,
        Object.fromEntries(Object.entries(depends_on ?? {}).map(([on, { condition }]) => [on, condition])),
      ]),
    );
    expect(conditions).toEqual({
      postgres: {},
      schema: { postgres: 'service_healthy' },
      server: { postgres: 'service_healthy', schema: 'service_completed_successfully' },
      namespace: { server: 'service_healthy' },
      ui: { server: 'service_healthy' },
      worker: { namespace: 'service_completed_successfully' },
    });
    for (const name of ['postgres', 'server']) expect(compose.services[name]?.healthcheck).toBeDefined();
  });

  it('takes the database for healthy once others reach it, not while the image still prepares it', () => {
    expect(compose.services['postgres']?.healthcheck?.test).toContain('--host=127.0.0.1');
  });

  it('lets the clients in Go find the server where no name server answers', () => {
    for (const name of ['namespace', 'ui'])
      expect(compose.services[name]?.environment?.['TEMPORAL_ADDRESS'], name).toMatch(/^passthrough:\/{3}/u);
  });

  it('restarts what lasts, gives up on jobs, and mounts files of the repository read-only', () => {
    for (const [name, { restart, volumes, security_opt }] of services) {
      expect(restart, name).toBe(
        { schema: 'on-failure:5', namespace: 'on-failure:10' }[name] ?? 'unless-stopped',
      );
      expect(security_opt, name).toContain('no-new-privileges:true');
      for (const volume of volumes ?? []) {
        const named = Object.keys(compose.volumes).some((known) => volume.startsWith(`${known}:`));
        if (!named) expect(volume, name).toMatch(/:ro$/u);
      }
    }
    expect(compose.services['postgres']?.volumes).toEqual(['postgres-data:/var/lib/postgresql/data']);
  });
});
