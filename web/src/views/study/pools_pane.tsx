import { useMemo } from 'preact/hooks';

import type { StudyDetail, StudyTimeline } from '../../api/study_types';
import { measure } from '../../lib/format';
import { holdsAny, layersOf, timeUnit } from '../../lib/studies/timeline';
import { useStudyTimeline } from '../../live/studies';
import { useStudiesText } from '../../text/studies';
import { Loading, Problem } from '../../ui/problem';
import { StackChart } from '../../ui/stack_chart';

export function PoolsPane({ study }: { study: StudyDetail }) {
  const words = useStudiesText();
  const { data: line, problem, reload } = useStudyTimeline(study.id);
  if (problem && !line) return <Problem what={words.tabs.pools} problem={problem} onRetry={reload} />;
  if (!line) return <Loading />;
  if (line.pools.at_s.length === 0) return <p class="empty">{words.timeline.none}</p>;
  return <Timeline line={line} />;
}

function Timeline({ line }: { line: StudyTimeline }) {
  const words = useStudiesText();
  const { timeline, pools } = words;
  const unit = timeUnit(line.until_s);
  const poolLayers = useMemo(() => layersOf(line.pools.at_s, line.until_s, unit.seconds, [
    [pools.live, line.pools.live], [pools.stop, line.pools.stop], [pools.dead, line.pools.dead], [pools.ended, line.pools.ended],
  ]), [line, pools]);
  const shareLayers = useMemo(() => layersOf(line.share.at_s, line.until_s, unit.seconds, [
    [timeline.study, line.share.study], [timeline.tuning, line.share.tuning], [timeline.people, line.share.people],
  ]), [line, timeline]);
  const xName = `${timeline.since}, ${timeline[unit.name]}`;
  return (
    <div class="pools">
      <StackChart title={timeline.pools} xName={xName} layers={poolLayers} format={measure} sync="study-time" colours={['--busy', '--series-2', '--series-8', '--good']} />
      {holdsAny(line.share) ? (
        <StackChart title={timeline.share} xName={xName} layers={shareLayers} format={measure} sync="study-time" colours={['--series-1', '--series-6', '--series-2']}
          {...(line.gpus > 0 ? { most: line.gpus } : {})} />
      ) : <section class="card" aria-label={timeline.share}><header><h2>{timeline.share}</h2></header><p class="empty">{timeline.noGpus}</p></section>}
    </div>
  );
}
