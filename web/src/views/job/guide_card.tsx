import { useState } from 'preact/hooks';

import type { Alternative, JobDetail, JobRecord, StartEstimate } from '../../api/types';
import { useNow } from '../../lib/clock';
import { editLines, spanOf, withEdits } from '../../lib/edits';
import { ago, exact } from '../../lib/format';
import { go, pathTo } from '../../lib/router';
import { cancelJob, submitJob } from '../../live/actions';
import { useGuide } from '../../live/entities';
import { useLanguage, useText } from '../../text';
import { ConfirmDialog } from '../../ui/dialog';
import { say, sayFailure } from '../../ui/toast';

/** "in 3 hr" and the interval in which four of five starts lie, on a bar that begins now. */
export function StartBar({ start }: { start: StartEstimate }) {
  const text = useText();
  const language = useLanguage();
  const now = useNow(5000);
  const from = ago(start.early_at, now, language);
  const to = ago(start.late_at, now, language);
  const span = spanOf(start, now);
  const says = from === to ? '' : text.guide.between(from, to);
  return (
    <div class="start-bar">
      <strong title={exact(start.typical_at, language)}>{ago(start.typical_at, now, language)}</strong>
      {span && says && (
        <span class="track" role="img" aria-label={says}>
          <i style={{ left: `${span.from * 100}%`, width: `${(span.to - span.from) * 100}%` }} />
          <b style={{ left: `${span.mark * 100}%` }} />
        </span>
      )}
      {says && <span class="soft">{says}</span>}
    </div>
  );
}

interface RowProps {
  one: Alternative;
  busy: boolean;
  onTake: () => void;
}

function AlternativeRow({ one, busy, onTake }: RowProps) {
  const text = useText();
  const language = useLanguage();
  const now = useNow(5000);
  return (
    <li>
      <span class="what">
        <strong>{one.change}</strong>
        <span class="mono soft">{editLines(one.edits).join(' · ')}</span>
      </span>
      <span class={one.starts_now ? 'chip good' : 'chip wait'}>
        {one.starts_now ? text.guide.atOnce : ago(one.start.typical_at, now, language)}
      </span>
      <button type="button" class="small" disabled={busy} aria-label={`${text.guide.resubmit}: ${one.change}`} onClick={onTake}>
        {text.guide.resubmit}
      </button>
    </li>
  );
}

/** Why a waiting job waits, when it starts, and what would be faster: each change is one click away. */
export function GuideCard({ job }: { job: JobDetail }) {
  const text = useText();
  const { data: guide, reload } = useGuide(job.id);
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<JobRecord>();
  if (!guide || guide.starts_now) return null;

  const take = async (one: Alternative) => {
    setBusy(true);
    try {
      setMade(await submitJob(withEdits(job.spec, one.edits)));
    } catch (failure) {
      sayFailure(failure);
    }
    setBusy(false);
  };
  const leave = () => made && go(pathTo.job(made.id));
  const cancelOld = async () => {
    await cancelJob(job.id);
    say(text.job.cancelled(job.name));
  };
  return (
    <section class="card guide" aria-label={text.guide.title} data-binding={guide.binding}>
      <header>
        <h2>{text.guide.title}</h2>
        <button type="button" class="small quiet" onClick={reload}>{text.guide.again}</button>
      </header>
      <p>{guide.reason}</p>
      {guide.start && (
        <div class="row"><span class="soft">{text.guide.starts}</span><StartBar start={guide.start} /></div>
      )}
      {guide.alternatives.length > 0 && (
        <>
          <h3>{text.guide.faster}</h3>
          <ul aria-label={text.guide.faster}>
            {guide.alternatives.map((one) => (
              <AlternativeRow key={one.change} one={one} busy={busy || made !== undefined} onTake={() => take(one)} />
            ))}
          </ul>
        </>
      )}
      {made && (
        <ConfirmDialog title={text.guide.oldTitle(job.name)} says={text.guide.submitted(made.id)} action={text.guide.cancelOld} danger
          onConfirm={cancelOld} onClose={leave}>
          <p class="soft">{text.guide.oldSays}</p>
        </ConfirmDialog>
      )}
    </section>
  );
}
