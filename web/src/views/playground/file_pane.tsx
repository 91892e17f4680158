import { useState } from 'preact/hooks';

import { bytes, count } from '../../lib/format';
import { promptFor, type Draft } from '../../lib/playground/draft';
import { columnNames, guessColumns, kMaxFileBytes, kMaxPrompts, questionsOf, readSheet, totalOf, type Columns, type Sheet, type SheetFault } from '../../lib/playground/sheet';
import { askAll, stop } from '../../live/play_run';
import { usePlay } from '../../live/play_store';
import { usePlaygroundText, type PlaygroundText } from '../../text/playground';
import { Icon } from '../../ui/icon';

const kPreviewed = 3;
const kFaultsShown = 5;

interface Props {
  draft: Draft;
  ready: boolean;
  running: boolean;
}

type Opened = { sheet: Sheet; columns: Columns } | { fault: string };

const faultText = (play: PlaygroundText, fault: SheetFault): string => {
  if (fault.kind === 'size') return play.fileTooLarge(bytes(fault.bytes), bytes(kMaxFileBytes));
  return fault.kind === 'encoding' ? play.fileEncoding : play.fileEmpty;
};

/** What is wrong in the file, each with its line. */
function faultLines(play: PlaygroundText, sheet: Sheet, columns: Columns): string[] {
  const faults = sheet.faults.map(({ line, kind }) => (kind === 'unclosed' ? play.fileUnclosed(line, count(sheet.rows.length)) : play.fileStray(line)));
  const short = questionsOf(sheet, columns).filter((question) => question.short).map(({ line }) => play.fileShort(line));
  const all = [...faults, ...short];
  return all.length > kFaultsShown ? [...all.slice(0, kFaultsShown), play.fileOthers(count(all.length - kFaultsShown))] : all;
}

/** A CSV of prompts, each asked with every setting. */
export function FilePane({ draft, ready, running }: Props) {
  const play = usePlaygroundText();
  const [opened, setOpened] = useState<Opened>();
  const [wrap, setWrap] = useState(false);
  const take = async (file: File | undefined) => {
    if (!file) return;
    try {
      // A large file is refused before it is read.
      const read = file.size > kMaxFileBytes ? ({ kind: 'size', bytes: file.size } as const) : readSheet(file.name, new Uint8Array(await file.arrayBuffer()));
      setOpened('kind' in read ? { fault: faultText(play, read) } : { sheet: read, columns: guessColumns(read.rows) });
    } catch (failure) {
      setOpened({ fault: play.fileUnreadable(failure instanceof Error ? failure.message : String(failure)) });
    }
  };
  const sheet = opened && 'sheet' in opened ? opened : undefined;
  return (
    <div class="stack" onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void take(event.dataTransfer?.files[0]);
      }}>
      <label class="field file">
        {play.fileChoose}
        <input type="file" accept=".csv,.tsv,.txt,text/csv" onChange={(event) => void take(event.currentTarget.files?.[0])} />
      </label>
      <p class="soft small-text">{play.fileSays(count(kMaxPrompts), bytes(kMaxFileBytes))}</p>
      {opened && 'fault' in opened && <p class="fault" role="alert">{opened.fault}</p>}
      {sheet && <SheetForm {...sheet} onColumns={(columns) => setOpened({ sheet: sheet.sheet, columns })} draft={draft} wrap={wrap} onWrap={setWrap} />}
      <FileActions sheet={sheet} wrap={wrap} settings={draft.lanes.length} ready={ready} running={running} />
    </div>
  );
}

function FileActions({ sheet, wrap, settings, ready, running }: { sheet: { sheet: Sheet; columns: Columns } | undefined; wrap: boolean; settings: number; ready: boolean; running: boolean }) {
  const play = usePlaygroundText();
  const rows = usePlay((state) => state.rows);
  const last = rows[rows.length - 1]?.file;
  const ofFile = running ? rows.filter(({ file }) => file !== undefined && file === last) : [];
  const ended = ofFile.filter(({ state }) => state !== 'waiting' && state !== 'running').length;
  const questions = sheet ? questionsOf(sheet.sheet, sheet.columns) : [];
  return (
    <div class="row">
      {running
        ? <button type="button" class="danger" onClick={stop}><Icon name="slash" />{play.stop}</button>
        : (
          <button type="button" class="primary" disabled={!ready || questions.length === 0} onClick={() => sheet && void askAll(sheet.sheet.name, questions, wrap)}>
            <Icon name="play" />{play.runAll(count(questions.length), settings)}
          </button>
        )}
      {ofFile.length > 0 && <span class="soft" role="status">{play.progress(count(ended), count(ofFile.length))}</span>}
    </div>
  );
}

interface SheetProps {
  sheet: Sheet;
  columns: Columns;
  onColumns: (columns: Columns) => void;
  draft: Draft;
  wrap: boolean;
  onWrap: (wrap: boolean) => void;
}

function SheetForm({ sheet, columns, onColumns, draft, wrap, onWrap }: SheetProps) {
  const play = usePlaygroundText();
  const names = columnNames(sheet, columns, play.column);
  const questions = questionsOf(sheet, columns);
  const total = totalOf(sheet, columns);
  const pick = (name: string, value: number, none: boolean, set: (value: number) => void) => (
    <label class="field">
      {name}
      <select value={value} onChange={(event) => set(Number(event.currentTarget.value))}>
        {none && <option value={-1}>{play.fileNone}</option>}
        {names.map((column, at) => <option key={at} value={at}>{column}</option>)}
      </select>
    </label>
  );
  return (
    <>
      <p role="status">{play.fileRead(sheet.name, count(total), sheet.encoding)}</p>
      {total > questions.length && <p class="fault" role="alert">{play.fileMore(count(questions.length), count(total))}</p>}
      {faultLines(play, sheet, columns).map((line) => <p key={line} class="fault" role="alert">{line}</p>)}
      <div class="fields">
        {pick(play.filePrompt, columns.prompt, false, (prompt) => onColumns({ ...columns, prompt }))}
        {pick(play.fileExpected, columns.expected, true, (expected) => onColumns({ ...columns, expected }))}
      </div>
      <label class="check"><input type="checkbox" checked={columns.header} onChange={(event) => onColumns({ ...columns, header: event.currentTarget.checked })} />{play.fileHeader}</label>
      <label class="check"><input type="checkbox" checked={wrap} onChange={(event) => onWrap(event.currentTarget.checked)} />{play.fileWrap}</label>
      <div class="scroll" role="group" aria-label={play.filePreview} tabIndex={0}>
        <table aria-label={play.filePreview}>
          <thead><tr><th scope="col" class="number">{play.fileLine}</th><th scope="col">{play.prompt}</th>{columns.expected >= 0 && <th scope="col">{play.expected}</th>}</tr></thead>
          <tbody>
            {questions.slice(0, kPreviewed).map(({ line, prompt, expected }) => (
              <tr key={line}>
                <td class="number">{line}</td>
                <td class="wrap"><span class="said clamp">{promptFor(draft, prompt, wrap)}</span></td>
                {columns.expected >= 0 && <td class="wrap">{expected}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
