import { describe, expect, test } from 'vitest';
import { choosePages, pagesOf } from '../../src/domain/pages.js';
import type { Stack } from '../../src/domain/stack.js';
import { tutorialShapedStack } from '../support/stack.js';

const grafana = { namespace: 'monitoring', service: 'grafana', port: 80 };

function stackWith(open: Stack['open'], hasGrafana = true): Stack {
  const stack = tutorialShapedStack();
  const proof = hasGrafana ? { ...stack.proof, grafana: { ...grafana, datasource: 'Tempo' } } : stack.proof;
  return { ...stack, proof, ...(open && { open }) };
}

const places = (stack: Stack): string[] =>
  pagesOf(stack).map(({ name, service, port, localPort, path }) =>
    [name, service, String(port), `:${String(localPort)}${path}`].join(' '),
  );

describe('the pages of a stack', () => {
  test('are what the proof knows, on the ports of the tutorial', () => {
    expect(places(stackWith(undefined))).toEqual([
      'hotrod hotrod 8080 :7080/',
      'tempo tempo 3100 :3100/status',
      'grafana grafana 80 :3000/',
    ]);
  });

  test('Grafana with the login whose Secret the proof names', () => {
    const stack = stackWith(undefined);
    const secret = { name: 'grafana', userKey: 'admin-user', passwordKey: 'admin-password' };
    const proof = { ...stack.proof, grafana: { ...grafana, datasource: 'Tempo', secret } };
    expect(pagesOf({ ...stack, proof }).find(({ name }) => name === 'grafana')?.login).toEqual({
      secret: 'grafana',
      userKey: 'admin-user',
      passwordKey: 'admin-password',
    });
    expect(pagesOf(stack).find(({ name }) => name === 'grafana')).not.toHaveProperty('login');
  });

  test('and what the file names: more, or others of the same name', () => {
    const open = {
      prometheus: { namespace: 'monitoring', service: 'prometheus', port: 9090, path: '/targets' },
      shop: { namespace: 'default', service: 'shop', port: 80 },
      tempo: { namespace: 'tracing', service: 'tempo', port: 3200, localPort: 3201 },
    };
    expect(places(stackWith(open, false))).toEqual([
      'hotrod hotrod 8080 :7080/',
      'tempo tempo 3200 :3201/',
      'prometheus prometheus 9090 :9090/targets',
      'shop shop 80 :8080/',
    ]);
  });
});

describe('choosing pages', () => {
  test('keeps the order of the call and leaves the Temporal Web UI to others', () => {
    const chosen = choosePages(stackWith(undefined), ['grafana', 'temporal', 'hotrod']);
    expect(chosen.map(({ name }) => name)).toEqual(['grafana', 'hotrod']);
  });

  test('an unknown one is refused with the nearest; a stack without Grafana says why', () => {
    expect(() => choosePages(stackWith(undefined), ['tmpo'])).toThrow(
      expect.objectContaining({
        type: 'usage.invalid',
        message: 'The stack shape has no page "tmpo". Did you mean "tempo"?',
      }),
    );
    expect(() => choosePages(stackWith(undefined, false), ['grafana'])).toThrow(
      expect.objectContaining({
        type: 'page.unavailable',
        message: 'The stack shape has no Grafana: not part of this test',
      }),
    );
  });
});
