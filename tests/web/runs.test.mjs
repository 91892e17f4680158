import assert from 'node:assert/strict';
import { test } from 'node:test';

import { looksRight, noTroubles, openPage } from './support/browser.mjs';
import { inked } from './support/ink.mjs';
import { session } from './support/session.mjs';

const shared = session();
const point = (key, step, value) => ({ key, step, value });

async function newRun(name, { experiment = 'curves', params = { lr: '0.1' }, tags = {}, loss = (step) => 1 / (step + 1) } = {}) {
  const { server } = shared;
  const run = await server.call('POST', '/api/v1/runs', { name, experiment });
  await server.call('POST', `/api/v1/runs/${run.id}/params`, { params });
  await server.call('POST', `/api/v1/runs/${run.id}/tags`, { tags });
  await server.call('POST', `/api/v1/runs/${run.id}/metrics`, {
    points: Array.from({ length: 50 }, (_, step) => [point('loss', step, loss(step)), point('acc', step, step / 50)]).flat(),
  });
  return run;
}

/** Runs of one experiment with learning rates and losses that differ by their number. */
async function sweep(experiment, count) {
  const runs = [];
  for (let index = 0; index < count; index += 1) {
    const lr = ['0.1', '0.01', '0.001', '1e-4', '1e-5'][index];
    runs.push(await newRun(`${experiment}-${index}`, {
      experiment, params: { lr, optimizer: index % 2 ? 'adam' : 'sgd', layers: '4' }, loss: (step) => (index + 1) / (step + 1) + 0.02 * Math.sin(step),
    }));
  }
  return runs;
}

const rows = (page) => page.locator('tbody tr[data-id]');
const names = (page) => rows(page).locator('.title').allTextContents();
const settled = (page, count) => page.waitForFunction((wanted) => document.querySelectorAll('tbody tr[data-id]').length === wanted, count);

test('curves are drawn and grow while the run reports', async () => {
  const run = await newRun('growing');
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/runs`);
  await page.locator(`tr[data-id="${run.id}"]`).click();
  await page.locator('section[aria-label="loss"] canvas').waitFor();
  assert.ok((await inked(page, 'loss')) > 500);
  assert.ok((await inked(page, 'acc')) > 500);
  await shared.server.call('POST', `/api/v1/runs/${run.id}/metrics`, { points: [point('loss', 123, 0.01)] });
  await page.locator('.figures', { hasText: '123' }).waitFor();
  await shared.server.call('POST', `/api/v1/runs/${run.id}/finish`, { state: 'finished' });
  await page.locator('.view-head [data-state="finished"]').waitFor();
  noTroubles(page);
});

test('the crosshair is shared, and the data can be read as a table', async () => {
  const run = await newRun('read');
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/runs/${run.id}`);
  await page.locator('section[aria-label="acc"] .u-over').waitFor();
  await page.locator('section[aria-label="loss"] .u-over').hover();
  const shown = page.locator('section[aria-label="acc"] .u-legend .u-value').nth(1);
  await page.waitForFunction((element) => /\d/.test(element.textContent), await shown.elementHandle());
  await page.getByRole('button', { name: 'loss as Table' }).click();
  await page.locator('section[aria-label="loss"] td', { hasText: '0.02' }).first().waitFor();
  await page.getByRole('tab', { name: 'Parameters' }).click();
  await page.getByRole('cell', { name: 'lr' }).waitFor();
  noTroubles(page);
});

test('curves are smoothed, over time, on a logarithmic axis, and the address keeps it', async () => {
  const run = await newRun('looked-at');
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/runs/${run.id}`);
  const chart = page.locator('section[aria-label="loss"]');
  await chart.locator('canvas').waitFor();
  await chart.getByText('last 0.02 · best 0.02 at step 49').waitFor();
  await page.getByRole('slider', { name: 'Smoothing' }).fill('0.8');
  await page.getByRole('button', { name: 'Elapsed' }).click();
  await page.getByLabel('Log scale').check();
  await page.waitForFunction(() => /x=relative/.test(location.search) && /smooth=0.8/.test(location.search) && /log=1/.test(location.search));
  await page.reload();
  await chart.locator('canvas').waitFor();
  assert.equal(await page.getByRole('slider', { name: 'Smoothing' }).inputValue(), '0.8');
  await page.getByRole('button', { name: 'loss as Table' }).click();
  await chart.getByRole('columnheader', { name: 'Elapsed' }).waitFor();
  noTroubles(page);
});

test('the table is filtered with completion and ordered by a metric; columns are chosen and kept', async () => {
  await sweep('chosen', 4);
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/runs`);
  await rows(page).first().waitFor();
  const box = page.getByRole('combobox', { name: 'Filter' });
  await page.keyboard.press('/');
  await page.keyboard.type('exp');
  await page.getByRole('option', { name: 'experiment' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await box.inputValue(), 'experiment ');
  await page.keyboard.type('= "chosen" and lr');
  await page.getByRole('option', { name: 'params.lr' }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.type('< 0.05');
  await page.keyboard.press('Enter');
  await settled(page, 3);
  await page.getByRole('columnheader', { name: 'loss' }).getByRole('button').click();
  await page.waitForFunction(() => document.querySelector('tbody tr[data-id] .title')?.textContent === 'chosen-1');
  assert.deepEqual(await names(page), ['chosen-1', 'chosen-2', 'chosen-3']);
  assert.match(page.url(), /sort=metrics.loss/);

  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByLabel('Find a metric or parameter').fill('opt');
  await page.getByRole('checkbox', { name: /optimizer/ }).uncheck();
  await page.keyboard.press('Escape');
  await page.getByRole('columnheader', { name: 'optimizer' }).waitFor({ state: 'detached' });
  await page.goto(`${shared.server.url}/runs`);
  await page.getByRole('columnheader', { name: 'loss' }).waitFor();
  assert.equal(await page.getByRole('columnheader', { name: 'optimizer' }).count(), 0);
  noTroubles(page);
});

test('a wrong filter of runs is explained where it was typed', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/runs?filter=${encodeURIComponent('metrics.loss < "low"')}`);
  await page.locator('.toolbar [role="alert"]', { hasText: 'position 16' }).waitFor();
});

test('runs are chosen by keyboard and compared: curves, table, relations, all by address', async () => {
  const runs = await sweep('compared', 3);
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/runs?filter=${encodeURIComponent('experiment = "compared"')}`);
  await settled(page, 3);
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await rows(page).nth(2).getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Compare 3' }).click();
  await page.locator('section[aria-label="loss"] canvas').waitFor();
  assert.ok((await inked(page, 'loss')) > 800);
  assert.equal(await page.locator('.run-legend li').count(), 3);
  await page.locator('section[aria-label="loss"] .u-over').hover();
  const other = page.locator('section[aria-label="acc"] .u-legend .u-value').nth(1);
  await page.waitForFunction((element) => /\d/.test(element.textContent), await other.elementHandle());

  await page.getByRole('tab', { name: 'Table' }).click();
  await page.locator('tr.differs', { hasText: 'lr' }).waitFor();
  assert.equal(await page.locator('tr.differs', { hasText: 'layers' }).count(), 0);
  await page.getByLabel('Only what differs').check();
  await page.getByRole('rowheader', { name: 'layers' }).waitFor({ state: 'detached' });
  assert.equal(await page.locator('.wins').count(), 1);

  await page.getByRole('tab', { name: 'Relations' }).click();
  await page.getByRole('img', { name: /metrics.acc against params.lr, 3 runs/ }).waitFor();
  await page.getByLabel('Up').selectOption('metrics.loss');
  await page.getByRole('img', { name: /metrics.loss against params.lr, 3 runs/ }).waitFor();
  await page.getByRole('img', { name: /A line for each run/ }).waitFor();
  await page.reload();
  await page.getByRole('img', { name: /metrics.loss against params.lr, 3 runs/ }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get('ids').split(',').length, 3);
  await page.getByRole('button', { name: 'Leave out compared-0' }).click();
  await page.waitForFunction((id) => !location.search.includes(id), runs[0].id);
  noTroubles(page);
});

for (const theme of ['light', 'dark'])
  test(`runs and their comparison, ${theme}: accessible, never wider than the window`, { timeout: 150_000 }, async () => {
    const runs = await sweep(`looks-${theme}`, 5);
    const [{ id }] = runs;
    const filter = encodeURIComponent(`experiment = "looks-${theme}"`);
    const ids = runs.map((run) => run.id).join(',');
    const page = await openPage(shared.browser, shared.server, { colorScheme: theme, reducedMotion: 'reduce' });
    const views = {
      'runs-table': `/runs?filter=${filter}&sort=metrics.loss`, 'run-smooth': `/runs/${id}?smooth=0.8&log=1`, 'compare-curves': `/runs/compare?ids=${ids}`,
      'compare-table': `/runs/compare?ids=${ids}&tab=table`, 'compare-relations': `/runs/compare?ids=${ids}&tab=relations&up=metrics.loss`,
    };
    for (const [name, path] of Object.entries(views)) {
      await page.goto(shared.server.url + path);
      await page.locator(name === 'runs-table' ? 'tbody tr[data-id]' : name === 'compare-table' ? 'table.compared' : 'canvas').first().waitFor();
      await looksRight(page, name, theme);
    }
    noTroubles(page);
  });
