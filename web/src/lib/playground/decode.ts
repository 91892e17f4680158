// The bytes of a file of prompts as text, whatever a spreadsheet saved them as. Pure.

export type Encoding = 'UTF-8' | 'UTF-16' | 'EUC-KR';

export type Decoded = { text: string; encoding: Encoding } | { fault: 'encoding' };

const strict = (label: string, bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/** Without a mark at its beginning, UTF-16 is known by its zero bytes: no text has them. */
function looksLike16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const seen = Math.min(bytes.length & ~1, 4096);
  let even = 0;
  let odd = 0;
  for (let at = 0; at < seen; at += 2) {
    if (bytes[at] === 0) even += 1;
    if (bytes[at + 1] === 0) odd += 1;
  }
  if (odd > even && odd > 0) return 'utf-16le';
  return even > 0 ? 'utf-16be' : undefined;
}

const wide = (label: string, bytes: Uint8Array): Decoded => {
  const text = bytes.length % 2 === 0 ? strict(label, bytes) : undefined;
  return text === undefined ? { fault: 'encoding' } : { text, encoding: 'UTF-16' };
};

/** A mark decides; else UTF-8 where it is valid, which text of another encoding never is by chance, and Korean EUC-KR (CP949) where that is. */
export function decode(bytes: Uint8Array): Decoded {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return wide('utf-16le', bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return wide('utf-16be', bytes);
  const guess = looksLike16(bytes);
  if (guess) return wide(guess, bytes);
  const utf8 = strict('utf-8', bytes);
  if (utf8 !== undefined) return { text: utf8, encoding: 'UTF-8' };
  const korean = strict('euc-kr', bytes);
  return korean === undefined ? { fault: 'encoding' } : { text: korean, encoding: 'EUC-KR' };
}
