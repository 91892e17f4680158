import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { noTroubles, openPage } from './support/browser.mjs';
import { session } from './support/session.mjs';

const shared = session();
const state = (page, word) => page.locator(`.view-head [data-state="${word}"]`);

/** A job that waits for us: it ends when the gate is gone. */
async function gated(name, before = ':', after = ':') {
  const gate = join(shared.server.data, `${name}.gate`);
  await writeFile(gate, '');
  const job = await shared.server.submit(name, `${before}; while [ -e ${gate} ]; do sleep 0.05; done; ${after}`);
  return { job, open: () => rm(gate) };
}

test('a job appears in the open list and moves to its end without a reload', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  await page.evaluate(() => (globalThis.notReloaded = true));
  const { job, open } = await gated('watched');
  const row = page.locator(`tr[data-id="${job.id}"]`);
  await row.locator('[data-state="running"]').waitFor();
  await open();
  await row.locator('[data-state="succeeded"]').waitFor();
  assert.equal(await page.evaluate(() => globalThis.notReloaded), true);
  noTroubles(page);
});

test('the log arrives as it is written, pauses, and is complete at the end', async () => {
  const page = await openPage(shared.browser, shared.server);
  const { job, open } = await gated('talker', 'echo first line', 'echo last line');
  await page.goto(`${shared.server.url}/jobs/${job.id}`);
  const log = page.getByRole('region', { name: 'Log of the job' });
  await log.getByText('first line').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await open();
  await page.locator('[data-log="ended"]').waitFor();
  await state(page, 'succeeded').waitFor();
  await page.goto(`${shared.server.url}/jobs/${job.id}`);
  await log.getByText('last line').waitFor();
  assert.equal((await log.textContent()).trim(), 'first line\nlast line');
  noTroubles(page);
});

test('a failure shows its exit code, its reason and its attempts', async () => {
  const page = await openPage(shared.browser, shared.server);
  const job = await shared.server.submit('broken', 'echo cannot go on >&2; exit 3');
  await shared.server.ended(job.id);
  await page.goto(`${shared.server.url}/jobs/${job.id}`);
  await state(page, 'failed').waitFor();
  assert.match(await page.locator('.figures').textContent(), /Exit code3/);
  await page.getByRole('tab', { name: 'Attempts' }).click();
  await page.getByRole('cell', { name: 'Failed' }).waitFor();
  await page.getByRole('tab', { name: 'Why' }).click();
  await page.getByRole('region', { name: 'What the scheduler says' }).waitFor();
  await page.goto(`${shared.server.url}/`);
  await page.getByRole('link', { name: /failed in the last 24 hours/ }).click();
  await page.locator(`tr[data-id="${job.id}"]`).waitFor();
  assert.match(page.url(), /filter=/);
});

test('cancelling says what will happen and can be declined', async () => {
  const page = await openPage(shared.browser, shared.server);
  const { job } = await gated('endless');
  await page.goto(`${shared.server.url}/jobs/${job.id}`);
  await state(page, 'running').waitFor();
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('dialog').getByText('Cancel endless?').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal((await shared.server.call('GET', `/api/v1/jobs/${job.id}`)).state, 'running');
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel job' }).click();
  await state(page, 'cancelled').waitFor();
  noTroubles(page);
});

test('the list is usable by keyboard alone', async () => {
  const page = await openPage(shared.browser, shared.server);
  const job = await shared.server.submit('needle', 'true', { team: 'haystack' });
  await shared.server.ended(job.id);
  await page.goto(`${shared.server.url}/jobs`);
  await page.locator('tbody tr').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('team = "haystack"');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: 'needle' }).waitFor();
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('models');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: 'Models' }).waitFor();
  noTroubles(page);
});

test('a wrong filter is explained where it was typed', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/jobs?filter=${encodeURIComponent('colour = "red"')}`);
  await page.locator('.toolbar [role="alert"]').waitFor();
});
