import { useState } from 'preact/hooks';

import { withLane, type Lane } from '../../lib/playground/draft';
import { isBuiltIn, kBuiltIns, knobsOf, presetOf, withPreset, type BuiltIn } from '../../lib/playground/knobs';
import { changeDraft, playStore, usePlay } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { Icon } from '../../ui/icon';

/** Chooses a preset, and keeps the values of now as one. */
export function PresetBar({ lane }: { lane: Lane }) {
  const play = usePlaygroundText();
  const presets = usePlay((state) => state.presets);
  const [name, setName] = useState<string>();
  const chosen = presetOf(lane.knobs, presets);
  const own = presets.some((preset) => preset.name === chosen);
  const take = (wanted: string) => {
    const knobs = knobsOf(wanted, presets);
    if (knobs) changeDraft((before) => withLane(before, lane.id, (now) => ({ ...now, knobs })));
  };
  const taken = name !== undefined && (isBuiltIn(name.trim()) || Object.values(play.presets).includes(name.trim()));
  const save = () => {
    if (taken || !name?.trim()) return;
    playStore.change((state) => ({ ...state, presets: withPreset(state.presets, { name: name.trim(), knobs: lane.knobs }) }));
    setName(undefined);
  };
  const remove = () =>
    playStore.change((state) => ({ ...state, presets: state.presets.filter((preset) => preset.name !== chosen) }));
  return (
    <>
      <div class="fields">
        <label class="field grow">
          {play.preset}
          <select value={chosen} onChange={(event) => take(event.currentTarget.value)}>
            {chosen === '' && <option value="">{play.presetOwn}</option>}
            {(Object.keys(kBuiltIns) as BuiltIn[]).map((one) => <option key={one} value={one}>{play.presets[one]}</option>)}
            {presets.map((preset) => <option key={preset.name} value={preset.name}>{preset.name}</option>)}
          </select>
        </label>
        {own && <button type="button" class="quiet" aria-label={play.presetDelete(chosen)} title={play.presetDelete(chosen)} onClick={remove}><Icon name="cross" /></button>}
        {chosen === '' && name === undefined && <button type="button" onClick={() => setName('')}>{play.presetSave}</button>}
      </div>
      {name !== undefined && (
        <div class="fields">
          <label class="field grow">
            {play.presetName}
            <input type="text" value={name} maxLength={60} onInput={(event) => setName(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === 'Escape') setName(undefined);
                if (event.key !== 'Enter') return;
                event.preventDefault();
                save();
              }} />
          </label>
          <button type="button" class="primary" disabled={!name.trim() || taken} onClick={save}>{play.presetSaveNow}</button>
        </div>
      )}
      {taken && <p class="fault" role="alert">{play.presetTaken}</p>}
    </>
  );
}
