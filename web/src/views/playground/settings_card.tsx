import { useState } from 'preact/hooks';

import type { LanguageModel } from '../../api/language';
import { addedLane, kMaxLanes, withLane, withoutLane, type Draft, type Lane } from '../../lib/playground/draft';
import { kKnobs, type Knobs } from '../../lib/playground/knobs';
import { count } from '../../lib/format';
import type { Scorer } from '../../lib/playground/results';
import { changeDraft } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { Icon } from '../../ui/icon';
import { KnobField } from './knob_field';
import { PresetBar } from './preset_bar';

/** One setting or several to compare, each with a model of its own. */
export function SettingsCard({ draft, models }: { draft: Draft; models: readonly LanguageModel[] }) {
  const play = usePlaygroundText();
  const [wanted, setWanted] = useState('A');
  const lane = (draft.lanes.find(({ id }) => id === wanted) ?? draft.lanes[0]) as Lane;
  const add = () => {
    const known = draft.lanes.map(({ id }) => id);
    const next = addedLane(draft, models.map(({ id }) => id));
    changeDraft(() => next);
    setWanted(next.lanes.find(({ id }) => !known.includes(id))?.id ?? wanted);
  };
  const several = draft.lanes.length > 1;
  const chooses = draft.lanes.some(({ knobs }) => knobs.greedy === 'both' || knobs.n > 1);
  return (
    <section class="card stack settings-card" aria-label={play.settingsTitle}>
      <div class="row spread">
        <h2>{play.settingsTitle}</h2>
        <div class="row">
          {several && (
            <div class="segments" role="group" aria-label={play.lanes}>
              {draft.lanes.map(({ id }) => (
                <button key={id} type="button" aria-pressed={id === lane.id} aria-label={play.lane(id)} onClick={() => setWanted(id)}>{id}</button>
              ))}
            </div>
          )}
          {several && (
            <button type="button" class="small quiet" aria-label={play.removeLane(lane.id)} title={play.removeLane(lane.id)}
              onClick={() => changeDraft((before) => withoutLane(before, lane.id))}><Icon name="cross" /></button>
          )}
          {draft.lanes.length < kMaxLanes && <button type="button" class="small" onClick={add}>{play.addLane}</button>}
        </div>
      </div>
      <LaneForm key={lane.id} lane={lane} models={models} />
      {chooses && (
        <label class="field">
          {play.scorer}
          <select value={draft.scorer} onChange={(event) => {
            const scorer = event.currentTarget.value as Scorer;
            changeDraft((before) => ({ ...before, scorer }));
          }}>
            {(Object.keys(play.scorers) as Scorer[]).map((one) => <option key={one} value={one}>{play.scorers[one]}</option>)}
          </select>
        </label>
      )}
      <p class="soft small-text">{play.presetSays}</p>
    </section>
  );
}

function LaneForm({ lane, models }: { lane: Lane; models: readonly LanguageModel[] }) {
  const play = usePlaygroundText();
  const chosen = models.find(({ id }) => id === lane.model) ?? (lane.model === '' ? models[0] : undefined);
  // A model that is gone stays chosen: its row will say what the server says.
  const names = chosen ? models.map(({ id }) => id) : [lane.model, ...models.map(({ id }) => id)];
  const set = (name: keyof Knobs) => (value: Knobs[keyof Knobs]) =>
    changeDraft((before) => withLane(before, lane.id, (now) => ({ ...now, knobs: { ...now.knobs, [name]: value } })));
  const field = (spec: (typeof kKnobs)[number]) => <KnobField key={spec.name} lane={lane.id} spec={spec} value={lane.knobs[spec.name]} onChange={set(spec.name)} />;
  return (
    <>
      <label class="field">
        {play.model}
        <select value={chosen?.id ?? lane.model} onChange={(event) => {
          const model = event.currentTarget.value;
          changeDraft((before) => withLane(before, lane.id, (now) => ({ ...now, model })));
        }}>
          {names.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
        {chosen && (
          <small class="soft">{[play.context(count(chosen.context_length)), chosen.snapshot && play.snapshot(chosen.snapshot)].filter(Boolean).join(' · ')}</small>
        )}
      </label>
      <PresetBar lane={lane} />
      <div class="knobs">{kKnobs.filter(({ more }) => !more).map(field)}</div>
      <details class="fold">
        <summary>{play.more}</summary>
        <div class="knobs">{kKnobs.filter(({ more }) => more).map(field)}</div>
      </details>
    </>
  );
}
