import assert from 'node:assert/strict';
import { test } from 'node:test';

import { axe, noTroubles, openPage } from './support/browser.mjs';
import { session } from './support/session.mjs';

const shared = session();

test('the printed address signs in, once, and leaves no code behind', async () => {
  const page = await (await shared.browser.newContext({ locale: 'en-GB' })).newPage();
  await page.goto(shared.server.loginUrl);
  await page.locator('[data-connection="live"]').waitFor();
  assert.equal(new URL(page.url()).search, '');
  assert.equal(await page.evaluate(() => document.cookie), '', 'the session must be out of reach of scripts');
  await page.reload();
  await page.locator('h1', { hasText: 'Overview' }).waitFor();

  const other = await (await shared.browser.newContext({ locale: 'en-GB' })).newPage();
  await other.goto(shared.server.loginUrl);
  await other.getByText('galley login --web').waitFor();
  await other.getByRole('alert').waitFor();
});

test('without a session the page says how to get one', async () => {
  const page = await (await shared.browser.newContext({ locale: 'en-GB' })).newPage();
  await page.goto(`${shared.server.url}/jobs`);
  await page.getByText('galley login --web').waitFor();
  assert.deepEqual(await axe(page), []);
});

test('Korean and the theme are one click away and remembered', async () => {
  const page = await openPage(shared.browser, shared.server, { colorScheme: 'light' });
  await page.getByRole('button', { name: '한국어' }).click();
  await page.locator('h1', { hasText: '개요' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  const toggle = page.getByRole('button', { name: /테마/ });
  await toggle.click();
  await toggle.click();
  await page.waitForFunction((before) => getComputedStyle(document.body).backgroundColor !== before, light);
  await page.reload();
  await page.locator('h1', { hasText: '개요' }).waitFor();
  assert.notEqual(await background(), light);
  noTroubles(page);
});

test('an unknown address is told so', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/no/such/page`);
  await page.locator('h1', { hasText: 'No such page' }).waitFor();
});
