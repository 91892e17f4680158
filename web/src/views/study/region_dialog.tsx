import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import type { StudyDetail } from '../../api/study_types';
import { count, duration, measure } from '../../lib/format';
import { go, pathTo } from '../../lib/router';
import { save } from '../../lib/save';
import type { Axis } from '../../lib/studies/axes';
import type { Brushes, Selection } from '../../lib/studies/brush';
import { fileText, nextName, regionOf, repeatCommand, type Narrowed, type Reach } from '../../lib/studies/region';
import { useMaySubmit } from '../../live/account';
import { startStudy, useStudyPreview } from '../../live/studies';
import { useStudiesText, type StudiesText } from '../../text/studies';
import { Command, CopyButton } from '../../ui/command';
import { Segments } from '../../ui/segments';
import { Table, type Column } from '../../ui/table';
import { say, sayFailure } from '../../ui/toast';

interface Props {
  study: StudyDetail;
  axes: readonly Axis[];
  brushes: Brushes;
  selection: Selection;
  onClose: () => void;
}

const changeColumns = (words: StudiesText['region']): Column<Narrowed>[] => [
  { id: 'name', name: words.parameter, cell: (one) => <span class="title">{one.name}</span> },
  { id: 'from', name: words.before, cell: (one) => one.from },
  { id: 'to', name: words.after, cell: (one) => <strong>{one.to}</strong> },
];

/** The marked region as a study file: what it narrows, what it will take, and the ways to begin it. */
export function RegionDialog({ study, axes, brushes, selection, onClose }: Props) {
  const words = useStudiesText().region;
  const dialog = useRef<HTMLDialogElement>(null);
  const onParameters = axes.some((axis) => axis.role === 'parameter' && brushes[axis.id]);
  const [reach, setReach] = useState<Reach>(onParameters ? 'marked' : 'box');
  const [name, setName] = useState(nextName(study.name));
  const maySubmit = useMaySubmit();
  const [busy, setBusy] = useState(false);
  const [warm, setWarm] = useState(true);
  const { file: cold, changes } = regionOf(study.file, axes, brushes, selection.mask, reach, name);
  const file = warm ? { ...cold, warm_start: [study.id] } : cold;
  const text = fileText(file);
  const preview = useStudyPreview(text, file);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const start = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const begun = await startStudy(file);
      say(words.started(begun.name));
      go(pathTo.study(begun.id));
    } catch (failure) {
      sayFailure(failure);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} class="region" aria-labelledby="region-title" onClose={onClose}>
      <form onSubmit={start}>
        <h2 id="region-title">{words.title}</h2>
        <div class="row fields">
          <label>{words.name}<input value={name} maxLength={128} required onInput={(event) => setName(event.currentTarget.value)} /></label>
          <label>{words.reach}
            <Segments label={words.reach} value={reach} choices={[['marked', words.marked], ['box', words.box]]} onChange={setReach} />
          </label>
        </div>
        <label class="row check"><input type="checkbox" checked={warm} onChange={(event) => setWarm(event.currentTarget.checked)} />{words.warm}</label>
        {changes.length === 0 ? <p class="soft">{words.nothing}</p> : (
          <section class="card flush"><Table label={words.reach} columns={changeColumns(words)} rows={changes} id={(one) => one.name} empty="" /></section>
        )}
        <div class="row spread">
          <h3>{words.file}</h3>
          <div class="row">
            <CopyButton value={text} />
            <button type="button" class="small quiet" onClick={() => save(`${name}.json`, new Blob([text], { type: 'application/json' }))}>{words.download}</button>
          </div>
        </div>
        <pre class="block" role="region" aria-label={words.file} tabIndex={0}>{text}</pre>
        <p class="soft" role="status">
          {preview.problem ? <span class="bad-text">{preview.problem.detail}</span>
            : preview.data ? words.preview(count(preview.data.trials), duration(preview.data.hours * 3600), measure(preview.data.gpu_hours)) : words.checking}
        </p>
        <div class="stack tight"><span class="soft">{words.command}</span><Command line={repeatCommand(file, `${name}.json`)} /></div>
        {!study.has_job && <p class="soft">{words.asked}</p>}
        <div class="actions">
          <button type="button" autofocus onClick={() => dialog.current?.close()}>{words.cancel}</button>
          {maySubmit && <button type="submit" class="primary" disabled={busy || preview.problem !== undefined}>{words.start}</button>}
        </div>
      </form>
    </dialog>
  );
}
