import type { JobRecord } from '../api/types';
import { useNow } from '../lib/clock';
import { etaMargin, etaRatio, finishClock, roundedMargin } from '../lib/eta';
import { duration, exact, percent } from '../lib/format';
import { useLanguage } from '../text';
import { useEstimatesText } from '../text/estimates';

interface Props {
  job: JobRecord;
  /** Steps and remaining cost beside it. */
  whole?: boolean;
}

/** "14:20 ± 4 min" over a thin bar of what is done. Nothing for a job that does not run. */
export function EtaBar({ job, whole = false }: Props) {
  const text = useEstimatesText();
  const language = useLanguage();
  const now = useNow(5000);
  const { eta } = job;
  if (!eta || job.state !== 'running') return <>–</>;
  const margin = duration(roundedMargin(etaMargin(eta)));
  const ratio = etaRatio(eta);
  const hint = text.etaHint(exact(eta.finish_at, language), duration(eta.remaining_s.p10), duration(eta.remaining_s.p90), eta.from);
  return (
    <span class="eta" data-eta={eta.from} title={hint}>
      <span class="words">
        <time dateTime={eta.finish_at}>{finishClock(eta.finish_at, now, language)}</time>
        <span class="soft"> ± {margin}</span>
      </span>
      <span class="track" role="progressbar" aria-label={text.progressOf(job.name)} aria-valuemin={0} aria-valuemax={100}
        aria-valuenow={Math.round(ratio * 100)} aria-valuetext={percent(ratio)}>
        <i style={{ width: `${ratio * 100}%` }} />
      </span>
      {whole && (
        <span class="more soft">
          {[
            text.remaining(duration(eta.remaining_s.p50)),
            eta.total_steps ? text.steps((eta.step ?? 0).toLocaleString('en-US'), eta.total_steps.toLocaleString('en-US')) : '',
            eta.cost_remaining_usd != null ? text.costLeft(eta.cost_remaining_usd.toFixed(2)) : '',
            eta.from === 'before' ? text.fromBefore : eta.stationary === false ? text.unsteady : '',
          ].filter(Boolean).join(' · ')}
        </span>
      )}
    </span>
  );
}
