import assert from 'node:assert/strict';
import { test } from 'node:test';

import { axe, noTroubles, openPage } from './support/browser.mjs';
import { session } from './support/session.mjs';

const shared = session();

/** A server whose one-time addresses open sessions of this user. */
async function asUser(server, name, role) {
  await server.call('POST', '/api/v1/users', { name, role });
  const { token } = await server.call('POST', `/api/v1/users/${name}/tokens`, { name: 'first' });
  return {
    url: server.url,
    async codeUrl() {
      const response = await fetch(`${server.url}/api/v1/login-codes`, {
        method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{}',
      });
      return `${server.url}/?code=${(await response.json()).code}`;
    },
  };
}

const statusWith = async (server, token) =>
  (await fetch(`${server.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status;

test('a member makes a token, sees it once, and revokes it', async () => {
  const page = await openPage(shared.browser, await asUser(shared.server, 'ada', 'member'));
  await page.getByRole('link', { name: 'ada' }).click();
  await page.locator('[data-role="member"]').waitFor();
  await page.getByLabel('Name').fill('laptop');
  await page.getByLabel('Good for').selectOption('read');
  await page.getByRole('button', { name: 'Make a token' }).click();
  const secret = await page.locator('[data-secret] code').innerText();
  assert.match(secret, /^gly_[0-9a-f]{64}$/);
  assert.equal(await statusWith(shared.server, secret), 200);
  assert.deepEqual(await axe(page), []);
  assert.equal(await page.getByRole('region', { name: 'Users' }).count(), 0);

  await page.getByRole('button', { name: 'Revoke: laptop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('cell', { name: 'Revoked' }).waitFor();
  assert.equal(await statusWith(shared.server, secret), 401);
  await page.reload();
  await page.locator('[data-role="member"]').waitFor();
  assert.equal(await page.locator('[data-secret]').count(), 0);
  noTroubles(page);
});

test('an administrator sees everybody', async () => {
  await shared.server.call('POST', '/api/v1/users', { name: 'bob', role: 'viewer', teams: ['nlp', 'vision'] });
  const page = await openPage(shared.browser, await asUser(shared.server, 'root1', 'admin'));
  await page.goto(`${shared.server.url}/account`);
  await page.getByRole('row', { name: /bob.*Viewer.*nlp, vision/ }).waitFor();
  noTroubles(page);
});
