// Tokens as people read them: parts of a character joined, and probabilities as shades. Pure.
import type { Alternative, RawToken } from './events';

/** One character or more that stand together, with the tokens that they are made of. */
export interface Piece {
  text: string;
  probability: number;
  tokens: RawToken[];
}

const kBytes = /^bytes:((?:\\x[0-9a-f]{2})+)$/i;

/** The bytes that a token stands for; undefined where it is text. */
function bytesOf(text: string): number[] | undefined {
  const found = kBytes.exec(text);
  return found ? (found[1] as string).split('\\x').slice(1).map((pair) => Number.parseInt(pair, 16)) : undefined;
}

function decoded(bytes: readonly number[]): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes));
  } catch {
    return undefined;
  }
}

/** A character has at most four bytes: parts that do not join within that are shown one by one. */
const kLongestCharacter = 4;

/** Tokens that are bytes of one character become one piece, whose probability is the product of theirs. */
export function piecesOf(tokens: readonly RawToken[]): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const bytes: number[] = [];
    let taken = 0;
    let whole: string | undefined;
    while (whole === undefined && at + taken < tokens.length && bytes.length < kLongestCharacter) {
      const more = bytesOf((tokens[at + taken] as RawToken).text);
      if (!more) break;
      bytes.push(...more);
      taken += 1;
      whole = decoded(bytes);
    }
    const count = whole === undefined ? 1 : taken;
    const parts = tokens.slice(at, at + count);
    pieces.push({
      text: whole ?? shownToken((parts[0] as RawToken).text),
      probability: Math.exp(parts.reduce((sum, { logprob }) => sum + logprob, 0)),
      tokens: parts,
    });
    at += count - 1;
  }
  return pieces;
}

/** Part of a character as its bytes: "⟨E2 80⟩". */
export function shownToken(text: string): string {
  const bytes = bytesOf(text);
  return bytes ? `⟨${bytes.map((byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(' ')}⟩` : text;
}

/** Blanks and line breaks are seen. */
export const visible = (text: string): string => shownToken(text).replaceAll('\n', '⏎').replaceAll('\t', '⇥').replace(/^ | $/g, '␣');

/** From 0, the model was sure, to 4, hardly expected. */
export function shadeOf(probability: number): number {
  if (probability >= 0.9) return 0;
  if (probability >= 0.6) return 1;
  if (probability >= 0.3) return 2;
  return probability >= 0.1 ? 3 : 4;
}

export const probabilityOf = ({ logprob }: Alternative): number => Math.exp(logprob);

/** How likely the model found its own answer: the mean over the tokens. Undefined of none. */
export function meanLogprob(tokens: readonly RawToken[]): number | undefined {
  return tokens.length === 0 ? undefined : tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length;
}

/** A mean log-probability as the probability of a typical token. */
export const geometricMean = (logprob: number): number => Math.exp(logprob);
