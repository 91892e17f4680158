import { useState } from 'preact/hooks';

import { save } from '../../lib/save';
import { count } from '../../lib/format';
import { fileName, resultsCsv, resultsJson } from '../../lib/playground/export';
import { hasRivals, type Row } from '../../lib/playground/results';
import { playStore, usePlay } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { ConfirmDialog } from '../../ui/dialog';
import { say } from '../../ui/toast';
import { CodeDialog } from './code_dialog';
import { ResultRow } from './result_row';

/** More rows come on demand: a table of thousands is slow to lay out. */
const kPage = 100;

/** Every answer, newest first. */
export function Results() {
  const play = usePlaygroundText();
  const rows = usePlay((state) => state.rows);
  const [most, setMost] = useState(kPage);
  const [code, setCode] = useState<Row>();
  const [clearing, setClearing] = useState(false);
  const shown = rows.slice(-most).reverse();
  const write = (extension: 'csv' | 'json') => {
    const text = extension === 'csv' ? resultsCsv(rows) : resultsJson(rows);
    save(fileName(new Date(), extension), new Blob([text], { type: extension === 'csv' ? 'text/csv' : 'application/json' }));
  };
  const clear = async () => {
    const { length } = playStore.get().rows;
    playStore.change((state) => ({ ...state, rows: [], live: {}, shown: [] }));
    say(play.deleted(count(length)));
  };
  return (
    <section class="card flush results" aria-label={play.results}>
      <header>
        <h2>{play.results}</h2>
        <div class="row">
          <button type="button" class="small" disabled={rows.length === 0} onClick={() => write('csv')}>{play.exportCsv}</button>
          <button type="button" class="small" disabled={rows.length === 0} onClick={() => write('json')}>{play.exportJson}</button>
          <button type="button" class="small quiet" disabled={rows.length === 0} onClick={() => setClearing(true)}>{play.clear}</button>
        </div>
      </header>
      {rows.length === 0 ? <p class="empty">{play.resultsEmpty}</p> : (
        <>
          <div class="scroll tall" role="group" aria-label={play.results} tabIndex={0}>
            <table aria-label={play.results}>
              <thead>
                <tr>
                  <th scope="col">{play.setting}</th><th scope="col">{play.prompt}</th><th scope="col">{play.answer}</th><th scope="col">{play.rating}</th>
                  <th scope="col">{play.modelAndParameters}</th><th scope="col" class="number">{play.length}</th><th scope="col" class="number">{play.time}</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((row) => <ResultRow key={row.id} row={row} rivals={hasRivals(rows, row)} play={play} onCode={setCode} />)}
              </tbody>
            </table>
          </div>
          <Foot shown={shown.length} all={rows.length} more={() => setMost(most + kPage)} />
        </>
      )}
      {code && <CodeDialog row={code} onClose={() => setCode(undefined)} />}
      {clearing && (
        <ConfirmDialog title={play.clearTitle(count(rows.length))} action={play.clear} danger onConfirm={clear} onClose={() => setClearing(false)}>
          <p>{play.clearSays}</p>
        </ConfirmDialog>
      )}
    </section>
  );
}

function Foot({ shown, all, more }: { shown: number; all: number; more: () => void }) {
  const play = usePlaygroundText();
  const kept = usePlay((state) => state.kept);
  const pending = usePlay((state) => state.running);
  const said = kept >= all || (pending && kept > 0) ? play.keepsAll : kept > 0 ? play.keepsSome(count(kept)) : play.keepsNone;
  return (
    <div class="list-foot">
      <span>{play.shown(count(shown), count(all))} · {said}</span>
      {shown < all && <button type="button" class="small" onClick={more}>+{kPage}</button>}
    </div>
  );
}

