import type { Eta, JobRecord } from '../api/types';
import { useNow } from '../lib/clock';
import { etaMargin, etaRatio, finishClock, roundedMargin } from '../lib/eta';
import { dollars } from '../lib/estimates/front';
import { count, duration, exact, measure, percent } from '../lib/format';
import { useLanguage } from '../text';
import { useEstimatesText } from '../text/estimates';

interface Props {
  job: JobRecord;
  /** Steps, cost and the wanted value beside it. */
  whole?: boolean;
}

function useMore(eta: Eta, nowMs: number): string {
  const text = useEstimatesText();
  const language = useLanguage();
  const { to_target: target } = eta;
  const steps = eta.unit === 'epoch' ? text.epochsOf : text.stepsOf;
  return [
    eta.remaining_s ? text.remaining(duration(eta.remaining_s.p50)) : '',
    eta.step == null ? '' : steps(count(eta.step), eta.total_steps == null ? '' : count(eta.total_steps)),
    eta.total_from === 'predicted' ? text.totalPredicted : '',
    eta.step_s == null ? '' : text.aStep(duration(eta.step_s)),
    eta.cost_remaining_usd ? text.costLeft(dollars(eta.cost_remaining_usd.p50)) : '',
    eta.from === 'before' ? text.fromBefore : eta.stationary === 'no' ? text.unsteady : '',
    target ? text.target(target.metric, measure(target.value), target.outlook, target.finish_at ? finishClock(target.finish_at, nowMs, language) : '') : '',
  ].filter(Boolean).join(' · ');
}

/** "14:20 ± 4 min" over a thin bar of what is done. Nothing for a job that does not run or of which nothing is known. */
export function EtaBar({ job, whole = false }: Props) {
  return job.eta && job.state === 'running' ? <Known eta={job.eta} name={job.name} whole={whole} /> : <>–</>;
}

function Known({ eta, name, whole }: { eta: Eta; name: string; whole: boolean }) {
  const text = useEstimatesText();
  const language = useLanguage();
  const now = useNow(5000);
  const more = useMore(eta, now);
  const { remaining_s: remaining, finish_at: finish } = eta;
  const ratio = etaRatio(eta);
  const hint = remaining && finish ? text.etaHint(exact(finish, language), duration(remaining.p10), duration(remaining.p90), eta.from) : text.etaUnknown;
  return (
    <span class="eta" data-eta={eta.from} title={hint}>
      <span class="words">
        {remaining && finish ? (
          <><time dateTime={finish}>{finishClock(finish, now, language)}</time><span class="soft"> ± {duration(roundedMargin(etaMargin(remaining)))}</span></>
        ) : <span class="soft">{text.etaUnknown}</span>}
      </span>
      {ratio !== undefined && (
        <span class="track" role="progressbar" aria-label={text.progressOf(name)} aria-valuemin={0} aria-valuemax={100}
          aria-valuenow={Math.round(ratio * 100)} aria-valuetext={percent(ratio)}>
          <i style={{ width: `${ratio * 100}%` }} />
        </span>
      )}
      {whole && more && <span class="more soft">{more}</span>}
    </span>
  );
}
