import { kMaxShots, pastedShots, promptOf, withPasted, withShot, withoutShot, type Shot, type Template } from '../../lib/playground/template';
import { changeDraft } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { Icon } from '../../ui/icon';
import { SamplePicker } from './sample_picker';

const change = (next: (template: Template) => Template): void =>
  changeDraft((draft) => ({ ...draft, template: next(draft.template) }));

/** A table of examples, an instruction and a question make the prompt. */
export function ExamplesEditor({ template }: { template: Template }) {
  const play = usePlaygroundText();
  const set = (name: 'instruction' | 'inputLabel' | 'outputLabel' | 'question') => (event: { currentTarget: { value: string } }) => {
    const { value } = event.currentTarget;
    change((before) => ({ ...before, [name]: value }));
  };
  return (
    <>
      <SamplePicker as="examples" />
      <label class="field">
        {play.instruction}
        <textarea rows={2} value={template.instruction} placeholder={play.instructionPlaceholder} onInput={set('instruction')} />
      </label>
      <div class="fields">
        <label class="field">{play.inputLabel}<input type="text" value={template.inputLabel} onInput={set('inputLabel')} /></label>
        <label class="field">{play.outputLabel}<input type="text" value={template.outputLabel} onInput={set('outputLabel')} /></label>
      </div>
      <Shots template={template} />
      <label class="field">
        {play.question}
        <textarea rows={2} value={template.question} placeholder={play.questionPlaceholder} onInput={set('question')} />
      </label>
      <details class="fold">
        <summary>{play.preview}</summary>
        <pre class="block" data-preview>{promptOf(template)}</pre>
      </details>
    </>
  );
}

function Shots({ template }: { template: Template }) {
  const play = usePlaygroundText();
  const { shots } = template;
  const put = (index: number, part: Partial<Shot>) => change((before) => withShot(before, index, part));
  const paste = (index: number) => (event: ClipboardEvent) => {
    const pasted = pastedShots(event.clipboardData?.getData('text/plain') ?? '');
    if (!pasted) return;
    event.preventDefault();
    change((before) => withPasted(before, index, pasted));
  };
  return (
    <div class="shots">
      {shots.length === 0 ? <p class="soft">{play.noShots}</p> : (
        <table aria-label={play.shots}>
          <thead><tr><th scope="col">{play.input}</th><th scope="col">{play.output}</th><th><span class="hidden-text">{play.actions}</span></th></tr></thead>
          <tbody>
            {shots.map((shot, index) => (
              <tr key={index} onPaste={paste(index)}>
                <td><input type="text" aria-label={play.shotInput(index + 1)} value={shot.input} onInput={(event) => put(index, { input: event.currentTarget.value })} /></td>
                <td><input type="text" aria-label={play.shotOutput(index + 1)} value={shot.output} onInput={(event) => put(index, { output: event.currentTarget.value })} /></td>
                <td>
                  <button type="button" class="quiet small" aria-label={play.removeShot(index + 1)} onClick={() => change((before) => withoutShot(before, index))}><Icon name="cross" /></button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div class="row">
        <button type="button" class="small" disabled={shots.length >= kMaxShots}
          onClick={() => change((before) => ({ ...before, shots: [...before.shots, { input: '', output: '' }] }))}>{play.addShot}</button>
        <span class="soft small-text">{play.pasteHint}</span>
      </div>
    </div>
  );
}
