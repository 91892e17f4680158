// node embed.mjs DIST OUT.cpp
// Turns the built page into C++: every file compressed once here, so that the server never compresses.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const kTypes = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const [dist, out] = process.argv.slice(2);
if (!dist || !out) {
  console.error('usage: node embed.mjs DIST OUT.cpp');
  process.exit(2);
}

function* filesUnder(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

const files = [...filesUnder(dist)].sort();
const arrays = [];
const rows = [];
for (const [index, file] of files.entries()) {
  const type = kTypes[extname(file)];
  if (!type) throw new Error(`${file}: no content type is known for ${extname(file)}`);
  const bytes = readFileSync(file);
  const gzip = gzipSync(bytes, { level: 9 });
  // The system byte of the header differs between zlib builds; the page must not.
  gzip[9] = 255;
  const path = `/${relative(dist, file).split(sep).join('/')}`;
  const etag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  arrays.push(`constexpr unsigned char kBytes${index}[] = {${[...gzip].join(',')}};`);
  rows.push(`    {"${path}", "${type}", view(kBytes${index}), "\\"${etag}\\"", ${path.startsWith('/assets/')}},`);
}

writeFileSync(out, `#include "web_assets/assets.h"

#include <array>
#include <cstddef>

namespace galley::web_assets {
namespace {

template <std::size_t size>
std::string_view view(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size};
}

${arrays.join('\n')}

}  // namespace

std::span<const Asset> all() {
  static const std::array<Asset, ${rows.length}> assets{{
${rows.join('\n')}
  }};
  return assets;
}

}  // namespace galley::web_assets
`);
