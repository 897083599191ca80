import { dirname, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { connectClient } from '../../src/temporal/client-connection.js';
import { embeddedSettings } from '../../src/temporal/connection.js';
import { ensureSearchAttributes, searchAttributeNames } from '../../src/temporal/search-attributes.js';
import { ensureServer } from '../../src/temporal/server.js';
import { run } from '../../src/tools/process.js';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { serverConfig } from '../support/embedded-server.js';

const script = resolve(import.meta.dirname, '../../deploy/temporal/namespace.sh');

it('makes the namespace as the worker needs it, and may be repeated', { timeout: 120_000 }, async () => {
  const config = await serverConfig();
  const { address } = await ensureServer({ config });
  const { path } = await provideTemporal(config);
  const env = {
    PATH: `${dirname(path)}:/usr/bin:/bin`,
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: 'tracing',
    RETENTION: '90d',
  };
  for (let time = 1; time <= 2; time += 1) {
    const { stdout } = await run('/bin/sh', [script], { env });
    expect(stdout).toContain('The namespace tracing is ready.');
  }
  const connection = await connectClient({ ...embeddedSettings(address), namespace: 'tracing' });
  try {
    const { config: settings } = await connection.workflowService.describeNamespace({ namespace: 'tracing' });
    expect(Number(settings?.workflowExecutionRetentionTtl?.seconds)).toBe(90 * 86_400);
    // What the script made is what the code looks for.
    expect(await ensureSearchAttributes(connection, 'tracing')).toEqual({ added: [] });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'tracing',
    });
    expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining([...searchAttributeNames]));
  } finally {
    await connection.close();
  }
});
