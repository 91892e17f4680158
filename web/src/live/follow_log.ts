import { useEffect, useRef, useState } from 'preact/hooks';

import { logAddress } from '../api/calls';
import { appendLog, emptyLog, type LogText } from './log';

/** How far back a log is opened. */
const kTailBytes = 256 * 1024;
const kRetryMs = 1_000;

export interface FollowedLog {
  log: LogText;
  ended: boolean;
  connected: boolean;
}

/** The last part of an attempt's log, then everything that is written to it until the attempt ends. */
export function useLog(jobId: string, attempt: number | undefined): FollowedLog {
  const [shown, setShown] = useState<FollowedLog>({ log: emptyLog, ended: false, connected: false });
  const pending = useRef(shown);

  useEffect(() => {
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let frame = 0;
    let alive = true;
    const set = (next: Partial<FollowedLog>) => {
      pending.current = { ...pending.current, ...next };
      // A burst of lines is one repaint.
      if (!frame) {
        frame = requestAnimationFrame(() => {
          frame = 0;
          if (alive) setShown(pending.current);
        });
      }
    };
    const open = () => {
      const opened = new EventSource(logAddress(jobId, attempt as number, true, -kTailBytes));
      source = opened;
      let log = emptyLog;
      opened.onopen = () => set({ connected: true });
      opened.addEventListener('log', (message) => {
        const part = JSON.parse(message.data as string) as { offset: number; text: string };
        // A connection begins at the tail again, so what it brings replaces what was there.
        log = appendLog(log, part.offset, part.text);
        set({ log });
      });
      opened.addEventListener('end', () => {
        opened.close();
        set({ ended: true, connected: false });
      });
      opened.onerror = () => {
        opened.close();
        set({ connected: false });
        if (alive && !pending.current.ended) timer = setTimeout(open, kRetryMs);
      };
    };
    set({ log: emptyLog, ended: false, connected: false });
    if (attempt !== undefined) open();
    return () => {
      alive = false;
      source?.close();
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }, [jobId, attempt]);

  return shown;
}
