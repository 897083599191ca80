import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import type { Locator, Page } from 'playwright-core';

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** The page of `open traces`, used as a person does. */
export class TracesPage {
  readonly page: Page;
  /** What the browser has asked for. */
  readonly requests: string[] = [];
  /** What the page has complained about: errors of its own, and what its policy has refused. */
  readonly complaints: string[] = [];

  constructor(page: Page) {
    this.page = page;
    // Busy machines are slow.
    page.setDefaultTimeout(30_000);
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      // An answer of another status than 200 is something that the page itself tells.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        this.complaints.push(message.text());
    });
  }

  get editor(): Locator {
    return this.page.getByRole('textbox', { name: 'TraceQL query' });
  }

  /** Of the table of traces, in its order. */
  get rows(): Locator {
    return this.page.locator('.results tbody tr');
  }

  get spans(): Locator {
    return this.page.getByRole('treegrid', { name: 'Spans' });
  }

  get details(): Locator {
    return this.page.getByRole('complementary');
  }

  async open(url: string): Promise<void> {
    await this.page.goto(url);
    await this.page.locator('.cm-content').waitFor();
  }

  /** Until the store has answered: what an earlier query has found is shown until then. */
  async ask(query: string): Promise<void> {
    await this.editor.click();
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.insertText(query);
    await this.page.keyboard.press('Enter');
    await this.page.waitForURL((url) => url.searchParams.get('q') === query);
    await this.answered();
  }

  /** Asks one of the queries that the page offers. */
  async choose(name: string): Promise<void> {
    await this.page.getByRole('button', { name }).click();
    await this.page.getByRole('button', { name, pressed: true }).waitFor();
    await this.answered();
  }

  private answered(): Promise<void> {
    return this.page.locator('.search[aria-busy=false]').waitFor();
  }

  async tab(name: 'Traces' | 'Proof'): Promise<void> {
    await this.page
      .getByRole('navigation', { name: 'Views' })
      .getByRole('button', { name: new RegExp(`^${name}`, 'u') })
      .click();
  }

  async ride(customer: string): Promise<void> {
    await this.page.getByRole('combobox', { name: 'Customer' }).selectOption({ label: customer });
    await this.page.getByRole('button', { name: 'Take a ride' }).click();
  }

  /** What axe-core finds against WCAG 2.2 A and AA and its best practices, in one line each. */
  async findings(): Promise<string[]> {
    await this.page.evaluate(await readFile(axeFile, 'utf8'));
    return this.page.evaluate<string[]>(`axe.run(document).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ': ' + node.target.join(' ') + ' ' + node.failureSummary.slice(0, 200))))`);
  }
}
