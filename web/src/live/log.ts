// The text of a log as it arrives. Pure, bounded.

/** What the browser shows at most; the whole log is one link away. */
export const kShownBytes = 512 * 1024;

export interface LogText {
  text: string;
  /** Offset in the log of the first byte received. */
  firstOffset: number;
  /** Characters that were let go at the front to stay within the bound. */
  dropped: number;
}

export const emptyLog: LogText = { text: '', firstOffset: 0, dropped: 0 };

export function appendLog(log: LogText, offset: number, text: string, limit = kShownBytes): LogText {
  const firstOffset = log.text === '' && log.dropped === 0 ? offset : log.firstOffset;
  let joined = log.text + text;
  let dropped = log.dropped;
  if (joined.length > limit) {
    // Cut at a line, and a quarter more than needed, so that the cut is rare.
    const wanted = joined.length - Math.floor(limit * 0.75);
    const line = joined.indexOf('\n', wanted);
    const cut = line < 0 ? wanted : line + 1;
    joined = joined.slice(cut);
    dropped += cut;
  }
  return { text: joined, firstOffset, dropped };
}

const kEscapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** What a terminal would leave on the screen: colours removed, progress lines overwritten by \r. */
export function readable(text: string): string {
  const plain = text.includes('\u001b') ? text.replace(kEscapes, '') : text;
  if (!plain.includes('\r')) return plain;
  return plain
    .split('\n')
    .map((line) => {
      const parts = line.replace(/\r+$/, '').split('\r');
      return parts[parts.length - 1] as string;
    })
    .join('\n');
}
