import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { redact, redactLines } from '../../src/tools/redact.js';

describe('redact', () => {
  it.each([
    ['--password hunter22', '--password [redacted]'],
    ['--from-token=hunter22 -v', '--from-token=[redacted] -v'],
    ['{"admin-password": "hunter22"}', '{"admin-password": "[redacted]"}'],
    [String.raw`{"msg":"{\"token\":\"hunter22\"}"}`, String.raw`{"msg":"{\"token\":\"[redacted]\"}"}`],
    ['{"password":"two words","user":"me"}', '{"password":"[redacted]","user":"me"}'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [redacted]'],
    ['"authorization":"Basic aGk6eW91","x":1', '"authorization":"Basic [redacted]","x":1'],
    ['sent bearer abcdefgh12345 to it', 'sent bearer [redacted] to it'],
    ['AWS_SECRET_ACCESS_KEY=wJalr/XUtn=', 'AWS_SECRET_ACCESS_KEY=[redacted]'],
    ['export AWS_SESSION_TOKEN="abc"; ls', 'export AWS_SESSION_TOKEN="[redacted]"; ls'],
    ['aws_access_key_id AKIAIOSFODNN7EXAMPLE', 'aws_access_key_id [redacted]'],
    ['GITHUB_TOKEN: x', 'GITHUB_TOKEN: [redacted]'],
    ['pushed with ghp_0123456789abcdef', 'pushed with [redacted]'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', '[redacted]'],
    ['Set-Cookie: grafana_session=abc; Path=/', 'Set-Cookie: [redacted]'],
    ['https://user:hunter22@host/x', 'https://user:[redacted]@host/x'],
    ['?token=abc&page=2', '?token=[redacted]&page=2'],
    ['password: |\n  one\n  two\nuser: me', 'password: [redacted]\nuser: me'],
    ['client-key-data: abc==', 'client-key-data: [redacted]'],
  ])('%s', (dirty, clean) => {
    expect(redact(dirty)).toBe(clean);
  });

  it.each([
    'nothing to see',
    'MountVolume.SetUp failed for volume "cert" : secret "operator-cert" not found',
    'the token expired; a secret ingredient; password required',
    'secretName: operator-cert',
    'PASSWORD_FILE=/run/secrets/db',
    'automountServiceAccountToken: false',
    "get secrets grafana -o jsonpath='{.data.admin-password}' | base64 -d",
    'otelcol_exporter_sent_spans{exporter="otlp"} 52',
  ])('leaves alone: %s', (line) => {
    expect(redact(line)).toBe(line);
  });

  it('removes known values wherever they stand', () => {
    expect(redact('a hunter22 b', ['hunter22'])).toBe('a [redacted] b');
  });
});

describe('redactLines', () => {
  const through = (...chunks: (string | Buffer)[]): Promise<string> =>
    text(Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(redactLines()));

  it('sees a secret that comes in two parts, and a last line without an end', async () => {
    expect(await through('a\npass', 'word=hunt', 'er22\nb')).toBe('a\npassword=[redacted]\nb');
  });

  it('hides all lines of a private key', async () => {
    const key = '-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----\nafter\n';
    const clean = await through(key);
    expect(clean).not.toMatch(/abc|def/u);
    expect(clean).toMatch(/after\n$/u);
  });

  it('keeps characters that come in two parts', async () => {
    const bytes = Buffer.from('ü');
    expect(await through(bytes.subarray(0, 1), bytes.subarray(1))).toBe('ü');
  });
});
