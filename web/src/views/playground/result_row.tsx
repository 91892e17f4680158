import { Component } from 'preact';

import { percent } from '../../lib/format';
import { parameterText } from '../../lib/playground/compare';
import { recalled } from '../../lib/playground/draft';
import { matchOf, withChosen, type Row } from '../../lib/playground/results';
import { geometricMean } from '../../lib/playground/tokens';
import { askAgain } from '../../live/play_run';
import { changeDraft, changeRows, playStore } from '../../live/play_store';
import type { PlaygroundText } from '../../text/playground';
import { Icon } from '../../ui/icon';
import { Ago } from '../../ui/moment';
import { Rating } from '../../ui/rating';
import { RowState, WhatFailed } from './row_state';

interface Props {
  row: Row;
  rivals: boolean;
  play: PlaygroundText;
  onCode: (row: Row) => void;
}

const kMatchTones = { same: 'good', contains: 'wait', different: 'bad' } as const;
const kNone: ReadonlySet<string> = new Set();
const kNamed = 40;

/** Drawn again only when its own row changes: a table of many stays quick while answers are written. */
export class ResultRow extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return next.row !== this.props.row || next.rivals !== this.props.rivals || next.play !== this.props.play;
  }

  render({ row, rivals, play, onCode }: Props) {
    const ended = row.state !== 'waiting' && row.state !== 'running';
    const short = row.prompt.length > kNamed ? `${row.prompt.slice(0, kNamed)}…` : row.prompt;
    return (
      <tr data-row={row.id} data-lane={row.lane} data-how={row.how} data-state={row.state} class={row.chosen ? 'chosen' : undefined}>
        <td><strong>{row.lane}</strong> <RowState row={row} /><br /><small class="soft"><Ago at={row.at} /></small></td>
        <td class="wrap"><details class="long"><summary class="said clamp">{row.prompt}</summary></details>{row.file !== undefined && <small class="soft">{play.from(row.file, row.line ?? 0)}</small>}</td>
        <td class="wrap answer-cell">
          <span class="said" data-text>{row.text}</span>
          {row.failure && <WhatFailed failure={row.failure} />}
          {row.expected && ended && (
            <small class="soft">{play.expected}: {row.expected} <span class={`chip ${kMatchTones[matchOf(row.text, row.expected)]}`} data-match={matchOf(row.text, row.expected)}>{play.match[matchOf(row.text, row.expected)]}</span></small>
          )}
          {row.chosen && <span class="chip good"><Icon name="check" />{play.picked[row.chosen]}</span>}
          {rivals && row.state === 'done' && row.chosen !== 'user' && (
            <button type="button" class="small quiet" onClick={() => changeRows((rows) => withChosen(rows, row.id, 'user'))}>{play.pick}</button>
          )}
          <div class="acts">
            <button type="button" class="small quiet" onClick={() => onCode(row)}>{play.code}</button>
            <button type="button" class="small quiet" onClick={() => changeDraft((draft) => recalled(draft, row))}>{play.useAgain}</button>
            <button type="button" class="small quiet" disabled={!ended} onClick={() => !playStore.get().running && void askAgain(row)}>{play.again}</button>
            <button type="button" class="small quiet" disabled={!ended} onClick={() => changeRows((rows) => rows.filter(({ id }) => id !== row.id))}>{play.remove}</button>
          </div>
        </td>
        <td>{ended && row.state !== 'failed' && (
          <Rating label={play.ratingOf(short)} value={row.rating} nameOf={(stars) => play.rate(stars, short)}
            onChange={(rating) => changeRows((rows) => rows.map((one) => (one.id === row.id ? rated(one, rating) : one)))} />
        )}</td>
        <td class="wrap parameters-cell">
          <span class="title">{row.model}</span> <small class="soft">{row.snapshot && <code title={play.snapshot(row.snapshot)}>{row.snapshot}</code>}</small>
          <div class="parameters"><strong>{row.how === 'greedy' ? play.greedyWord : play.sampledWord}</strong> · {parameterText(row.parameters, kNone)}</div>
        </td>
        <td class="number">{row.completionTokens ?? '–'}{row.meanLogprob !== undefined && <><br /><small class="soft" title={play.likelySays}>{percent(geometricMean(row.meanLogprob))}</small></>}</td>
        <td class="number">{row.firstMs === undefined ? '–' : Math.round(row.firstMs)}<br /><small class="soft">{row.totalMs === undefined ? '–' : Math.round(row.totalMs)}</small></td>
      </tr>
    );
  }
}

function rated(row: Row, rating: number | undefined): Row {
  const { rating: _, ...rest } = row;
  return rating === undefined ? rest : { ...rest, rating };
}
