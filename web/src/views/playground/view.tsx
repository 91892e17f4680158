import { useQuery } from '../../lib/router';
import { useModels } from '../../live/entities';
import { askable } from '../../lib/channels';
import { useText } from '../../text';
import { Command } from '../../ui/command';
import { Loading, Problem } from '../../ui/problem';
import { TryBox } from './try_box';

export function PlaygroundView() {
  const text = useText();
  const [first] = useQuery('model');
  const { data: models, problem, reload } = useModels();
  const any = models !== undefined && askable(models).length > 0;
  return (
    <div class="view narrow-view">
      <div class="view-head"><div><h1>{text.try.title}</h1><p class="soft">{text.try.lead}</p></div></div>
      {problem && <Problem what={text.try.title} problem={problem} onRetry={reload} />}
      {!models && !problem && <Loading />}
      {models && (
        <section class="card" aria-label={text.try.title}>
          {any ? <TryBox models={models} first={first} /> : <div class="empty">{text.try.none}<Command line={text.try.noneCommand} /></div>}
        </section>
      )}
    </div>
  );
}
