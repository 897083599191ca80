import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { formatMs } from '../../domain/duration.js';
import type { Trace } from '../../domain/trace.js';
import { titleOf } from './trace-facts.js';

/** What the build of `page/` has made for files. */
const built = new URL('../../../dist/page/file/', import.meta.url);

/**
 * The trace as one HTML file that needs nothing else: the waterfall of the page that `open traces` shows, by the same
 * code. Its policy lets run and apply what we have put into it, by their hashes, and lets nothing be loaded or sent,
 * whatever the names of spans say.
 * @param madeBy for the last line: `Tracewright 0.1.0`
 */
export async function renderTracePage(trace: Trace, madeBy: string): Promise<string> {
  const [script, style] = await Promise.all(
    ['trace.js', 'trace.css'].map((name) => readFile(new URL(name, built), 'utf8')),
  );
  const policy = `default-src 'none'; script-src ${sourceOf(script)}; style-src ${sourceOf(style)}; base-uri 'none'; form-action 'none'`;
  return [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>${escapeHtml(`${titleOf(trace)}, ${formatMs(trace.durationMs)}`)}</title>`,
    `<style>${style ?? ''}</style></head><body><div id="page"></div>`,
    `<script type="application/json" id="trace">${scriptData({ trace, madeBy })}</script>`,
    `<script>${script ?? ''}</script></body></html>`,
    '',
  ].join('\n');
}

/** As a source of the policy; what is built has no character that a browser would read otherwise than it is written. */
function sourceOf(text = ''): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** JSON that ends no script, whatever stands in it. */
function scriptData(content: object): string {
  return JSON.stringify(content).replaceAll('<', String.raw`\u003c`);
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/gu, (it) => entities[it] ?? it);
}
