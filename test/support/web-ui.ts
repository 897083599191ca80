import type { Locator, Page } from 'playwright-core';
import { environmentWorkflowId, searchAttributes } from '../../src/domain/names.js';

const workflows = '/namespaces/default/workflows';

/** Tabs of the page of a workflow. */
export type WebUiTab =
  'Timeline' | 'Event History' | 'Pending Activities' | 'User Metadata' | 'Search Attributes';

/** The Temporal Web UI, used as a person does. */
export class WebUi {
  readonly page: Page;
  readonly #url: string;

  /** @param url such as `http://127.0.0.1:8233` */
  constructor(page: Page, url: string) {
    this.page = page;
    // Busy machines are slow.
    page.setDefaultTimeout(60_000);
    this.#url = url;
  }

  /** The list of workflows, or those that a query finds. */
  async openList(query?: string): Promise<void> {
    const search = query === undefined ? '' : `?query=${encodeURIComponent(query)}`;
    await this.#open(search, this.page.getByTestId('workflows-summary-table-configuration-button'));
  }

  /** The page to which `up` gives the link, and there a tab. */
  async openTab(environment: string, name: WebUiTab): Promise<void> {
    const tab = this.page.getByRole('tab', { name });
    await this.#open(`/${environmentWorkflowId(environment)}`, tab);
    await tab.click();
  }

  /**
   * Opens a page and waits until it shows `part`. The page asks the server once, and stays empty when that is too busy to
   * answer: a person loads it again.
   */
  async #open(place: string, part: Locator): Promise<void> {
    for (let left = 3; ; left -= 1) {
      await this.page.goto(`${this.#url}${workflows}${place}`);
      try {
        await part.waitFor({ timeout: 30_000 });
        return;
      } catch (error) {
        if (left === 1) throw error;
      }
    }
  }

  /** Makes the list show stack, target and phase, and no ids and times of runs; the browser keeps that. */
  async chooseColumns(): Promise<void> {
    const { stack, target, phase } = searchAttributes;
    await this.page.getByTestId('workflows-summary-table-configuration-button').click();
    for (const name of [stack, target, phase])
      await this.page.getByTestId(`orderable-list-item-${name}-add-button`).click();
    for (const name of ['Run ID', 'Type', 'Start', 'End'])
      await this.page.getByTestId(`orderable-list-item-${name}-remove-button`).click();
    await this.page.getByTestId('drawer-close-button').click();
  }

  /** What Summary, Details and Current Details say; the Web UI draws their Markdown in frames of their own. */
  async userMetadata(): Promise<string> {
    const parts = ['summary', 'details', 'current-details'].map((part) =>
      this.page.frameLocator(`#user-metadata-${part}`).locator('body').innerText(),
    );
    return (await Promise.all(parts)).join('\n');
  }
}
