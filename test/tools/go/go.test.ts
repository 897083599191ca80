import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TracewrightError } from '../../../src/domain/failure.js';
import { diskFailure, goFailure } from '../../../src/tools/go/failure.js';
import { downloadModule, runGo, type Go } from '../../../src/tools/go/go.js';

let root: string;
let go: Go;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tracewright-go-'));
  go = { cacheDir: join(root, 'go'), signal: undefined };
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

describe('runGo', () => {
  const build = (cwd: string): Promise<string> =>
    runGo(go, { cwd, args: ['build', '-o', '/dev/null', '.'], what: 'hello' });

  async function writeModule(files: Readonly<Record<string, string>>): Promise<string> {
    const cwd = join(root, 'module');
    await mkdir(cwd);
    for (const [name, content] of Object.entries(files)) await writeFile(join(cwd, name), content);
    return cwd;
  }

  it("explains a registry that does not answer with Go's own words", async () => {
    vi.stubEnv('GOPROXY', 'http://127.0.0.1:1');
    const cwd = await writeModule({
      'go.mod': 'module hello\n\ngo 1.24.0\n\nrequire golang.org/x/sync v0.16.0\n',
      'go.sum': [
        'golang.org/x/sync v0.16.0 h1:ycBJEhp9p4vXvUZNszeOq0kGTPghopOL8q0fq3vstxw=',
        'golang.org/x/sync v0.16.0/go.mod h1:1dzgHSNfp02xaA81J2MS99Qcpr2w7fw1gpm99rleRqA=',
        '',
      ].join('\n'),
      'main.go': 'package main\n\nimport _ "golang.org/x/sync/errgroup"\n\nfunc main() {}\n',
    });
    await expect(build(cwd)).rejects.toMatchObject({
      type: 'build.registry-unreachable',
      retryable: true,
      message: expect.stringContaining('127.0.0.1:1') as string,
    });
  });

  it('says what Go says when a single module cannot be downloaded, not the end of its JSON', async () => {
    vi.stubEnv('GOPROXY', 'http://127.0.0.1:1');
    vi.stubEnv('GONOSUMDB', '*');
    const failure: unknown = await downloadModule(go, root, 'golang.org/x/sync@v0.16.0').catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ type: 'build.registry-unreachable' });
    expect((failure as TracewrightError).message).toMatch(/127\.0\.0\.1:1.*connection refused/u);
    expect((failure as TracewrightError).evidence.join('\n')).not.toMatch(/[{}]/u);
  });

  it('shows the lines of a program that does not compile', async () => {
    const cwd = await writeModule({
      'go.mod': 'module hello\n\ngo 1.24.0\n',
      'main.go': 'package main\n\nfunc main() { undefinedName() }\n',
    });
    const failure: unknown = await build(cwd).catch((error: unknown) => error);
    expect(failure).toMatchObject({ type: 'build.compile-failed', retryable: false });
    expect((failure as TracewrightError).evidence.join('\n')).toMatch(
      /main\.go:3:\d+: undefined: undefinedName/u,
    );
  });

  it('is stopped by its signal', async () => {
    const cwd = await writeModule({
      'go.mod': 'module hello\n',
      'main.go': 'package main\n\nfunc main() {}\n',
    });
    go = { ...go, signal: AbortSignal.timeout(300) };
    await expect(build(cwd)).rejects.toMatchObject({ type: 'tool.cancelled' });
  });
});

describe('what a failure means', () => {
  const failed = new TracewrightError({
    type: 'tool.failed',
    message: 'go build ended with exit code 1.',
    remedy: '',
  });

  it.each([
    ['build.disk-full', 'go: writing go.mod cache: write /cache/mod/x.tmp: no space left on device'],
    [
      'build.disk-full',
      '/usr/local/go/pkg/tool/linux_amd64/link: mapping output file failed: no space left on device',
    ],
    [
      'build.registry-unreachable',
      'go: k8s.io/api@v0.34.4: Get "https://proxy.example/k8s.io/api/@v/v0.34.4.zip": dial tcp: lookup proxy.example: no such host',
    ],
    [
      'build.registry-unreachable',
      'go: k8s.io/api@v0.34.4: reading https://proxy.example/k8s.io/api/@v/v0.34.4.zip: 502 Bad Gateway',
    ],
    [
      'build.registry-unreachable',
      'go: k8s.io/api@v0.34.4: Get "https://proxy.example/": net/http: TLS handshake timeout',
    ],
    [
      'build.registry-unreachable',
      'k8s.io/api@v0.34.4: Get "http://proxy.example/k8s.io/api/@v/v0.34.4.zip": EOF',
    ],
    ['build.compile-failed', './main.go:3:15: undefined: x'],
  ])('%s: %s', (type, line) => {
    expect(goFailure(failed, 'kube', ['# kube', line])).toMatchObject({ type });
  });

  it('leaves cancellations and bugs alone', () => {
    const cancelled = new TracewrightError({ type: 'tool.cancelled', message: 'stopped', remedy: '' });
    const bug = new TypeError('x is not a function');
    expect(goFailure(cancelled, 'kube', ['no space left on device'])).toBe(cancelled);
    expect(goFailure(bug, 'kube', [])).toBe(bug);
    expect(diskFailure(bug, '/cache')).toBe(bug);
  });

  it('knows a full disk of our own writing', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(diskFailure(full, '/cache')).toMatchObject({
      type: 'build.disk-full',
      message: expect.stringContaining('/cache') as string,
    });
  });
});
