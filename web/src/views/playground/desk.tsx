import { useState } from 'preact/hooks';

import type { LanguageModel } from '../../api/language';
import { draftPrompt } from '../../lib/playground/draft';
import { knobFault, type KnobFault } from '../../lib/playground/knobs';
import { askOnce, stop } from '../../live/play_run';
import { changeDraft, usePlay } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { Icon } from '../../ui/icon';
import { Segments } from '../../ui/segments';
import { Answers } from './answers';
import { Compared } from './compared';
import { ExamplesEditor } from './examples_editor';
import { FilePane } from './file_pane';
import { PromptPane } from './prompt_pane';
import { Results } from './results';
import { SettingsCard } from './settings_card';

type Way = 'free' | 'examples' | 'file';

/** Language models: the prompt beside its settings, the answers, and all that was answered before. */
export function Desk({ models }: { models: readonly LanguageModel[] }) {
  const play = usePlaygroundText();
  const draft = usePlay((state) => state.draft);
  const running = usePlay((state) => state.running);
  const [asFile, setAsFile] = useState(false);
  const way: Way = asFile ? 'file' : draft.mode;
  const fault = draft.lanes.map(({ knobs }) => knobFault(knobs)).find((one) => one !== undefined);
  const choose = (next: Way) => {
    setAsFile(next === 'file');
    if (next !== 'file') changeDraft((before) => ({ ...before, mode: next }));
  };
  const ready = !running && fault === undefined;
  const run = (event?: Event) => {
    event?.preventDefault();
    if (ready && draftPrompt(draft).trim() !== '') void askOnce();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && way !== 'file') run(event);
  };
  return (
    <>
      <div class="columns desk" onKeyDown={onKey}>
        <div class="stack">
          <form class="card stack prompt-card" onSubmit={run} aria-label={play.promptTitle}>
            <div class="row spread">
              <h2>{play.promptTitle}</h2>
              <Segments<Way> label={play.ways} value={way} onChange={choose} choices={(['free', 'examples', 'file'] as const).map((one) => [one, play.way[one]] as const)} />
            </div>
            {way === 'free' && <PromptPane draft={draft} />}
            {way === 'examples' && <ExamplesEditor template={draft.template} />}
            {way === 'file' && <FilePane draft={draft} ready={ready} running={running} />}
            {way !== 'file' && (
              <div class="row">
                {running
                  ? <button type="button" class="danger" onClick={stop}><Icon name="slash" />{play.stop}</button>
                  : <button type="submit" class="primary" disabled={!ready || draftPrompt(draft).trim() === ''}><Icon name="play" />{play.run}</button>}
                <span class="soft wide-only">{running ? play.running : play.promptHint}</span>
              </div>
            )}
            {fault && <Fault fault={fault} />}
          </form>
          <Answers />
        </div>
        <SettingsCard draft={draft} models={models} />
      </div>
      <Compared />
      <Results />
    </>
  );
}

function Fault({ fault }: { fault: KnobFault }) {
  const play = usePlaygroundText();
  return <p class="fault" role="alert">{play.fault(play.knobs[fault.name].name, String(fault.min), String(fault.max), fault.whole, fault.above)}</p>;
}
