import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import GithubSlugger from 'github-slugger';
import markdownIt, { type Token } from 'markdown-it';

export const root = resolve(import.meta.dirname, '../..');

/** A fenced block. */
export interface CodeBlock {
  /** Of the page, relative to the repository. */
  readonly page: string;
  /** Of the opening fence, from 1 on. */
  readonly line: number;
  /** `sh`, `yaml`, …; empty when the fence names none. */
  readonly language: string;
  readonly text: string;
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  /** Of its headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  /** Targets of links and images, as they are written. */
  readonly links: readonly string[];
  readonly blocks: readonly CodeBlock[];
  /** `code` within lines. */
  readonly spans: readonly string[];
}

/** Every page of the repository that people read. */
export async function readPages(): Promise<Page[]> {
  const docs = await readdir(join(root, 'docs'), { recursive: true });
  const deploy = await readdir(join(root, 'deploy'));
  const paths = [
    ...['README.md', 'SECURITY.md', 'CHANGELOG.md', 'test/replay/README.md'],
    ...docs.map((name) => join('docs', name)),
    ...deploy.map((name) => join('deploy', name)),
  ].filter((path) => path.endsWith('.md'));
  return Promise.all(paths.toSorted().map(readPage));
}

async function readPage(path: string): Promise<Page> {
  const tokens = markdownIt().parse(await readFile(join(root, path), 'utf8'), {});
  const inline = tokens.flatMap(({ children }) => children ?? []);
  return {
    path: relative(root, join(root, path)),
    anchors: anchorsOf(tokens),
    links: inline.flatMap((token) => String(token.attrGet('href') ?? token.attrGet('src') ?? [])),
    blocks: tokens
      .filter(({ type }) => type === 'fence')
      .map(({ info, content, map }) => ({
        page: path,
        line: (map?.[0] ?? 0) + 1,
        language: info.trim(),
        text: content,
      })),
    spans: inline.filter(({ type }) => type === 'code_inline').map(({ content }) => content),
  };
}

/** GitHub numbers headings that say the same. */
function anchorsOf(tokens: readonly Token[]): Set<string> {
  const slugger = new GithubSlugger();
  return new Set(
    tokens
      .filter((_token, index) => tokens[index - 1]?.type === 'heading_open')
      .map(({ children }) => slugger.slug((children ?? []).map(({ content }) => content).join(''))),
  );
}
