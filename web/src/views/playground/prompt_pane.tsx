import type { Draft } from '../../lib/playground/draft';
import type { Form } from '../../lib/playground/request';
import { changeDraft } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { Segments } from '../../ui/segments';
import { SamplePicker } from './sample_picker';

/** A prompt as one text. */
export function PromptPane({ draft }: { draft: Draft }) {
  const play = usePlaygroundText();
  return (
    <>
      <label class="field grows">
        {play.prompt}
        <textarea rows={9} value={draft.prompt} placeholder={play.promptPlaceholder} spellcheck={false}
          onInput={(event) => {
            const prompt = event.currentTarget.value;
            changeDraft((before) => ({ ...before, prompt }));
          }} />
      </label>
      <SamplePicker as="free" />
      <div class="row">
        <span class="soft">{play.form}</span>
        <Segments<Form> label={play.form} value={draft.form} choices={(['text', 'chat'] as const).map((one) => [one, play.forms[one]] as const)}
          onChange={(form) => changeDraft((before) => ({ ...before, form }))} />
        <span class="soft small-text">{play.formSays}</span>
      </div>
    </>
  );
}
