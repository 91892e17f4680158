import { useState } from 'preact/hooks';

import { promptOf, withFirstShots } from '../../lib/playground/template';
import { changeDraft } from '../../live/play_store';
import { usePlaygroundText, useSamples } from '../../text/playground';

type Count = 0 | 1 | 3;
const kCounts: readonly Count[] = [0, 1, 3];

/** Puts a prompt of a known kind on the desk, with no, one or a few examples. */
export function SamplePicker({ as }: { as: 'free' | 'examples' }) {
  const play = usePlaygroundText();
  const samples = useSamples();
  const [chosen, setChosen] = useState('');
  const [count, setCount] = useState<Count>(3);
  const take = (id: string, shots: Count) => {
    setChosen(id);
    setCount(shots);
    const sample = samples.find((one) => one.id === id);
    if (!sample) return;
    const template = withFirstShots(sample.template, shots);
    changeDraft((draft) => (as === 'free' ? { ...draft, prompt: promptOf(template) } : { ...draft, template }));
  };
  return (
    <div class="fields">
      <label class="field">
        {play.sample}
        <select value={chosen} onChange={(event) => take(event.currentTarget.value, count)}>
          <option value="">{play.sampleNone}</option>
          {samples.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select>
      </label>
      <label class="field">
        {play.shotsOf}
        <select value={count} onChange={(event) => take(chosen, Number(event.currentTarget.value) as Count)}>
          {kCounts.map((one) => <option key={one} value={one}>{play.shotCounts[one]}</option>)}
        </select>
      </label>
    </div>
  );
}
