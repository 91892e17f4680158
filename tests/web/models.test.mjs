import assert from 'node:assert/strict';
import { test } from 'node:test';

import { noTroubles, openPage } from './support/browser.mjs';
import { session } from './support/session.mjs';
import { reviews } from './support/reviews.mjs';

const shared = session(async ({ server }) => {
  await server.trainedSnapshot('mood', reviews(80));
  await server.trainedSnapshot('mood', reviews(120));
  for (const version of [1, 2]) await server.call('PUT', '/api/v1/models/mood/channels/prod', { snapshot: `mood@${version}` });
});

test('a text gets its answer from the deployed snapshot, and a rollback changes who answers', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/models`);
  await page.locator('tr[data-id="mood"]').click();
  await page.locator('[data-channel="prod"]', { hasText: 'mood@2' }).waitFor();
  await page.getByLabel('Text').fill('a wonderful, lovely film');
  await page.getByRole('button', { name: 'Classify' }).click();
  await page.locator('[data-answer="good"] [data-snapshot]', { hasText: 'mood@2' }).waitFor();

  await page.getByRole('button', { name: 'Roll back prod' }).click();
  await page.getByRole('dialog').getByText('prod: mood@2 → mood@1').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await page.locator('[data-channel="prod"]', { hasText: 'mood@1' }).waitFor();
  await page.getByRole('cell', { name: 'mood@2 → mood@1' }).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Roll back prod' }).isDisabled(), 'there is nothing below the first deployment');

  await page.getByRole('button', { name: 'Classify' }).click();
  await page.locator('[data-answer] [data-snapshot]', { hasText: 'mood@1' }).waitFor();

  await page.getByRole('button', { name: 'Deploy mood@2' }).click();
  await page.getByRole('dialog').getByText('prod: mood@1 → mood@2').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Deploy' }).click();
  await page.locator('[data-channel="prod"]', { hasText: 'mood@2' }).waitFor();
  noTroubles(page);
});

test('the playground answers by keyboard', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/playground`);
  await page.getByLabel('Text').fill('a dreadful, boring film');
  await page.keyboard.press('Control+Enter');
  await page.locator('[data-answer="bad"]').waitFor();
  noTroubles(page);
});
