import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { logAddress } from '../../api/calls';
import type { JobDetail } from '../../api/types';
import { bytes } from '../../lib/format';
import { useLog } from '../../live/follow_log';
import { readable } from '../../live/log';
import { useText } from '../../text';
import { Icon } from '../../ui/icon';

const kNearEnd = 24;

/** The log of one attempt as it is written. Scrolling up pauses it, scrolling to the end follows again. */
export function LogPane({ job }: { job: JobDetail }) {
  const text = useText();
  const newest = job.attempt_list[job.attempt_list.length - 1]?.number;
  const [wanted, setWanted] = useState<number>();
  const attempt = wanted ?? newest;
  const { log, ended, connected } = useLog(job.id, attempt);
  const [following, setFollowing] = useState(true);
  const box = useRef<HTMLPreElement>(null);
  const live = useMemo(() => readable(log.text), [log.text]);
  // A paused log keeps what it showed; the stream goes on behind it.
  const [frozen, setFrozen] = useState('');
  const shown = following ? live : frozen;

  useLayoutEffect(() => {
    const element = box.current;
    if (element && following) element.scrollTop = element.scrollHeight;
  }, [shown, following]);
  useEffect(() => setFollowing(true), [attempt]);

  const pause = () => {
    setFrozen(live);
    setFollowing(false);
  };
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < kNearEnd;
    if (following && !atEnd && !ended) pause();
  };
  const before = log.firstOffset + log.dropped;
  const word = ended ? text.job.ended : following ? text.job.following : text.job.paused;
  return (
    <div class="log">
      <div class="toolbar">
        {!ended && (
          <button type="button" class="small" aria-pressed={following} onClick={() => (following ? pause() : setFollowing(true))}>
            <Icon name={following ? 'pause' : 'play'} />
            {following ? text.job.pause : text.job.follow}
          </button>
        )}
        <span class="soft" role="status" data-log={ended ? 'ended' : connected ? 'following' : 'waiting'}>{word}</span>
        {job.attempt_list.length > 1 && (
          <select aria-label={text.job.earlier} value={attempt} onChange={(event) => setWanted(Number(event.currentTarget.value))}>
            {job.attempt_list.map((one) => <option key={one.id} value={one.number}>{`${text.job.attempt} ${one.number}`}</option>)}
          </select>
        )}
        <span class="grow" />
        {attempt !== undefined && before > 0 && <span class="soft wide-only">{text.job.trimmed(bytes(before))}</span>}
        {attempt !== undefined && <a href={logAddress(job.id, attempt, false, 0)} target="_blank" rel="noopener">{text.job.whole}</a>}
      </div>
      <pre ref={box} role="region" tabIndex={0} aria-label={text.job.logOf} onScroll={onScroll}>
        {shown || <span class="soft">{attempt === undefined ? text.job.waiting : ended ? text.job.emptyLog : text.common.loading}</span>}
      </pre>
    </div>
  );
}
