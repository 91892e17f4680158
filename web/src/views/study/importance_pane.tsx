import type { StudyDetail } from '../../api/study_types';
import { count, percent } from '../../lib/format';
import { useStudyImportance } from '../../live/studies';
import { useStudiesText } from '../../text/studies';
import { Meter } from '../../ui/meter';
import { Loading, Problem } from '../../ui/problem';

const kLeastPair = 0.001;

export function ImportancePane({ study }: { study: StudyDetail }) {
  const words = useStudiesText();
  const { data, problem, reload } = useStudyImportance(study.id);
  if (problem?.status === 400) return <p class="empty">{problem.detail}</p>;
  if (problem && !data) return <Problem what={words.tabs.importance} problem={problem} onRetry={reload} />;
  if (!data) return <Loading />;
  const pairs = data.pairs.filter(({ share }) => share >= kLeastPair);
  const explained = [...data.items, ...pairs].reduce((sum, { share }) => sum + share, 0);
  return (
    <div class="columns importance">
      <section class="card" aria-label={words.importance.title}>
        <header><h2>{words.importance.title}</h2></header>
        {data.items.map(({ name, share }) => <Meter key={name} name={name} ratio={share} value={percent(share)} />)}
        <Meter name={words.importance.rest} ratio={Math.max(0, 1 - explained)} value={percent(Math.max(0, 1 - explained))} tone="weak" />
        <p class="soft">{words.importance.note(count(data.trials))}{data.known ? ` ${words.importance.earlier(count(data.known))}` : ''}</p>
      </section>
      <section class="card" aria-label={words.importance.pairs}>
        <header><h2>{words.importance.pairs}</h2></header>
        {pairs.length === 0 && <p class="soft">{words.importance.none}</p>}
        {pairs.map(({ names, share }) => <Meter key={names.join()} name={names.join(' × ')} ratio={share} value={percent(share)} />)}
      </section>
    </div>
  );
}
