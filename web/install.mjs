// node install.mjs
// `npm ci`, unless node_modules is what package-lock.json asks for already: several build folders
// share it, and each would otherwise delete it below the others. Run it under a lock.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const kMarker = 'node_modules/.installed';

const wanted = createHash('sha256').update(readFileSync('package.json')).update(readFileSync('package-lock.json')).digest('hex');
let found = '';
try {
  found = readFileSync(kMarker, 'utf8');
} catch {
  // Never installed, or the installation was interrupted.
}
if (found !== wanted) {
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(kMarker, wanted);
}
