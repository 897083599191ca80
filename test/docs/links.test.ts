import { stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPages, root, type Page } from './markdown.js';

const pages = await readPages();
const isElsewhere = (link: string): boolean => /^(?:https?|mailto):/u.test(link);

/** @returns what is wrong with a link of that page */
async function trouble(page: Page, link: string): Promise<string | undefined> {
  const [file = '', anchor] = decodeURI(link).split('#', 2);
  const path = file === '' ? page.path : normalize(join(dirname(page.path), file));
  const there = await stat(join(root, path)).catch(() => undefined);
  if (!there) return `${link}: there is no ${path}`;
  if (anchor === undefined) return undefined;
  const target = pages.find((it) => it.path === path);
  if (!target) return `${link}: ${path} is not a page with anchors`;
  return target.anchors.has(anchor) ? undefined : `${link}: ${path} has no heading "${anchor}"`;
}

describe('the documentation', () => {
  it.each(pages)('$path: every link leads somewhere', async (page) => {
    const links = page.links.filter((link) => !isElsewhere(link));
    const troubles = await Promise.all(links.map((link) => trouble(page, link)));
    expect(troubles.filter((it) => it !== undefined)).toEqual([]);
  });

  it('knows a link that leads nowhere', async () => {
    const page = pages[0] as Page;
    expect(await trouble(page, 'nowhere.md')).toContain('there is no');
    expect(await trouble(page, '#nowhere')).toContain('has no heading');
  });

  it('has every page within reach of the README', () => {
    const seen = new Set<string>();
    const follow = (path: string): void => {
      // GitHub lists the pages of a folder.
      if (path.endsWith('/')) {
        const inFolder = pages.filter((it) => `${dirname(it.path)}/` === path);
        for (const page of inFolder) follow(page.path);
      }
      const page = pages.find((it) => it.path === path);
      if (!page || seen.has(path)) return;
      seen.add(path);
      for (const link of page.links.filter((it) => !isElsewhere(it)))
        follow(normalize(join(dirname(path), link.split('#')[0] ?? '')));
    };
    follow('README.md');
    const unreachable = pages.map(({ path }) => path).filter((path) => !seen.has(path));
    expect(unreachable).toEqual([]);
  });
});
