import assert from 'node:assert/strict';
import { test } from 'node:test';

import { noTroubles, openPage } from './support/browser.mjs';
import { session } from './support/session.mjs';

const shared = session();
const point = (key, step, value) => ({ key, step, value });

async function newRun(name) {
  const { server } = shared;
  const run = await server.call('POST', '/api/v1/runs', { name, experiment: 'curves' });
  await server.call('POST', `/api/v1/runs/${run.id}/params`, { params: { lr: '0.1' } });
  await server.call('POST', `/api/v1/runs/${run.id}/metrics`, {
    points: Array.from({ length: 50 }, (_, step) => [point('loss', step, 1 / (step + 1)), point('acc', step, step / 50)]).flat(),
  });
  return run;
}

/** How many pixels of a chart carry ink. */
const inked = (page, title) => page.evaluate((name) => {
  const canvas = document.querySelector(`section[aria-label="${name}"] canvas`);
  if (!canvas) return 0;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) count += data[at] > 0 ? 1 : 0;
  return count;
}, title);

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
