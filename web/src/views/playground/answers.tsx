import { useState } from 'preact/hooks';

import { continued } from '../../lib/playground/draft';
import { measure, percent } from '../../lib/format';
import { hasRivals, kNoLive, withChosen, type Row } from '../../lib/playground/results';
import { geometricMean } from '../../lib/playground/tokens';
import { changeDraft, changeRows, usePlay } from '../../live/play_store';
import { usePlaygroundText } from '../../text/playground';
import { Icon } from '../../ui/icon';
import { Segments } from '../../ui/segments';
import { RowState, WhatFailed } from './row_state';
import { TokensView } from './tokens_view';

/** What was asked last, with every setting side by side, as it is written. */
export function Answers() {
  const play = usePlaygroundText();
  const shown = usePlay((state) => state.shown);
  const rows = usePlay((state) => state.rows);
  const [as, setAs] = useState<'text' | 'tokens'>('text');
  const found = shown.map((id) => rows.find((row) => row.id === id)).filter((row) => row !== undefined);
  if (found.length === 0) return null;
  return (
    <section class="stack" aria-label={play.answers}>
      <div class="row spread">
        <h2>{play.answers}</h2>
        <Segments label={play.tokensOf} value={as} onChange={setAs} choices={[['text', play.asText], ['tokens', play.asTokens]]} />
      </div>
      <div class="answers">{found.map((row) => <AnswerCard key={row.id} row={row} rivals={hasRivals(rows, row)} as={as} />)}</div>
    </section>
  );
}

function AnswerCard({ row, rivals, as }: { row: Row; rivals: boolean; as: 'text' | 'tokens' }) {
  const play = usePlaygroundText();
  const live = usePlay((state) => state.live[row.id]) ?? { ...kNoLive, text: row.text };
  const way = row.how === 'greedy' ? play.greedyWord : play.sampledWord;
  const name = `${play.lane(row.lane)}, ${row.model}, ${way}`;
  return (
    <article class={`card answer-card ${row.chosen ? 'chosen' : ''}`} aria-label={name} data-row={row.id} data-lane={row.lane} data-how={row.how} data-state={row.state}>
      <header>
        <strong class="clip" title={name}>{row.lane} · {row.model}</strong>
        <span class="chip idle">{way}</span>
        <span class="grow" />
        <RowState row={row} />
      </header>
      {as === 'tokens' && live.tokens.length > 0
        ? <TokensView tokens={live.tokens} />
        : <p class="said" data-text>{live.text}{row.state === 'running' && <i class="caret" aria-hidden="true" />}</p>}
      {as === 'tokens' && live.tokens.length === 0 && row.state === 'done' && <p class="soft small-text">{play.noTokens}</p>}
      {row.failure && <WhatFailed failure={row.failure} />}
      <footer>
        <Facts row={row} />
        {row.chosen && <span class="chip good"><Icon name="check" />{play.picked[row.chosen]}</span>}
        {rivals && row.state === 'done' && row.chosen !== 'user' && (
          <button type="button" class="small" onClick={() => changeRows((rows) => withChosen(rows, row.id, 'user'))}>{play.pick}</button>
        )}
        {row.state === 'done' && row.form === 'text' && (
          <button type="button" class="small quiet" onClick={() => changeDraft((draft) => continued(draft, row))}>{play.carryOn}</button>
        )}
      </footer>
    </article>
  );
}

function Facts({ row }: { row: Row }) {
  const play = usePlaygroundText();
  const parts = [
    row.completionTokens !== undefined && row.state !== 'running' && play.count(String(row.completionTokens)),
    row.firstMs !== undefined && play.firstMs(measure(Math.round(row.firstMs))),
    row.totalMs !== undefined && play.totalMs(measure(Math.round(row.totalMs))),
    row.stopReason ? play.finishAt(row.stopReason.replaceAll('\n', '⏎')) : row.finish && play.finish[row.finish],
  ].filter(Boolean);
  return (
    <span class="soft small-text grow">
      {parts.join(' · ')}
      {row.meanLogprob !== undefined && <span title={play.likelySays}> · {play.likely(percent(geometricMean(row.meanLogprob)))}</span>}
    </span>
  );
}
