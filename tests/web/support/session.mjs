// One server and one browser for the tests of a file.
import { after, before } from 'node:test';

import { launch } from './browser.mjs';
import { Server } from './server.mjs';

/** `environment` makes further variables of the server's environment, given a folder for its files. */
export function session(prepare = async () => {}, environment = async () => ({})) {
  const shared = {};
  before(async () => {
    [shared.server, shared.browser] = await Promise.all([Server.start(environment), launch()]);
    await prepare(shared);
  });
  after(async () => {
    await shared.browser?.close();
    await shared.server?.stop();
  });
  return shared;
}
