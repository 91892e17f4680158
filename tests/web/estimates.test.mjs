import assert from 'node:assert/strict';
import { test } from 'node:test';

import { axe, noTroubles, openPage, overflows, screenshot, settled } from './support/browser.mjs';
import { inked } from './support/ink.mjs';
import { session } from './support/session.mjs';

const kAccuracy = (() => {
  const items = Array.from({ length: 24 }, (_, index) => {
    const actual = 300 * 1.3 ** index;
    const p50 = actual * (1 + 0.25 * Math.sin(index * 1.7));
    return {
      job_id: `job_${String(index).padStart(26, '0')}`, name: `train-${index}`, gpu_type: index % 2 ? 'A100' : 'V100', gpus: 1 + (index % 4),
      at: new Date(Date.now() - index * 3_600_000).toISOString(), estimated_s: { p10: p50 * 0.85, p50, p90: p50 * 1.2 }, actual_s: actual,
      made: index % 3 ? 'before' : 'progress',
    };
  });
  return { items, mdape_pct: 13.4, coverage90_pct: 83.3, count: items.length };
})();

const shared = session();

/** Jobs with estimates that ended long ago would have to be waited for. */
const withHistory = (page) => page.route('**/api/v1/estimates/accuracy', (route) => route.fulfill({ json: kAccuracy }));

async function describeTraining(page) {
  await page.getByLabel('Network').selectOption('resnet50');
  await page.getByLabel('Epochs').fill('90');
  await page.getByRole('button', { name: 'Estimate', exact: true }).click();
  await page.getByRole('region', { name: 'Configurations' }).waitFor();
}

test('a training is described, estimated, and the cheapest machine is recommended with a reason', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.getByRole('link', { name: 'Estimates', exact: true }).click();
  await page.getByText('Describe the training').waitFor();
  await describeTraining(page);
  const best = page.locator('tbody tr', { hasText: 'Recommended' });
  await best.waitFor();
  assert.match(await best.textContent(), /\$/);
  const name = await best.locator('.title').textContent();
  assert.ok((await page.locator('.advice').textContent()).includes(name));
  await page.getByRole('img', { name: new RegExp(`recommended: .*${name.slice(0, 4)}`) }).waitFor();
  assert.ok((await inked(page, 'Cost against time')) > 500);
  noTroubles(page);
});

test('limits rule machines out, and the table says so', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/estimates`);
  await page.getByLabel('Deadline').fill('1h');
  await describeTraining(page);
  await page.getByText('Too slow').first().waitFor();
  noTroubles(page);
});

test('a field that cannot be read is named, and so is what the server refuses', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/estimates`);
  await page.getByLabel('Epochs').fill('many');
  await page.getByRole('button', { name: 'Estimate', exact: true }).click();
  await page.getByRole('alert').getByText('Please look at: Epochs.').waitFor();
  assert.equal(await page.getByLabel('Epochs').getAttribute('aria-invalid'), 'true');
  await page.getByLabel('Network').selectOption('');
  await page.getByLabel('Epochs').fill('3');
  await page.getByRole('button', { name: 'Estimate', exact: true }).click();
  await page.getByText('GFLOPs, forward, of one item, Parameters, millions').waitFor();
  noTroubles(page);
});

test('machines are added, priced and left out', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/estimates`);
  const machines = page.locator('.machine:not(.head)');
  await machines.first().waitFor();
  const before = await machines.count();
  await page.getByRole('button', { name: 'Add a machine' }).click();
  assert.equal(await machines.count(), before + 1);
  await page.getByLabel(`Machine ${before + 1}: GPUs`).fill('2');
  await page.getByLabel(`Machine ${before + 1}: $ per hour`).fill('0.5');
  for (let index = before; index > 0; index -= 1) await page.getByRole('button', { name: 'Leave out Machine 1', exact: true }).click();
  await describeTraining(page);
  await page.waitForFunction(() => document.querySelectorAll('section[aria-label="Configurations"] tbody tr').length === 1);
  noTroubles(page);
});

for (const theme of ['light', 'dark'])
  test(`estimates, ${theme}: accessible, never wider than the window`, { timeout: 120_000 }, async () => {
    const page = await openPage(shared.browser, shared.server, { colorScheme: theme, reducedMotion: 'reduce' });
    await withHistory(page);
    await page.goto(`${shared.server.url}/estimates`);
    await page.getByLabel('Budget, $').fill('200');
    await describeTraining(page);
    for (const [width, height] of [[400, 800], [1280, 800], [2560, 1440]]) {
      await page.setViewportSize({ width, height });
      await settled(page);
      assert.equal(await overflows(page), false, `estimates scroll sideways at ${width} px`);
      await screenshot(page, `estimates-${width}-${theme}`);
      if (width !== 2560) assert.deepEqual(await axe(page), [], `estimates at ${width} px, ${theme}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    const accuracy = page.getByRole('region', { name: 'Estimates against what happened' });
    await accuracy.scrollIntoViewIfNeeded();
    assert.ok((await inked(page, 'Estimates against what happened')) > 500);
    await screenshot(page, `estimates-accuracy-1280-${theme}`);
    await accuracy.getByRole('button', { name: 'Table' }).click();
    await accuracy.getByRole('cell', { name: 'train-3', exact: true }).waitFor();
    assert.deepEqual(await axe(page), []);
    noTroubles(page);
  });
