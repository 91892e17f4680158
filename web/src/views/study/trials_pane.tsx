import { useMemo, useState } from 'preact/hooks';

import type { StudyDetail, StudyTable } from '../../api/study_types';
import { count } from '../../lib/format';
import { useQuiet } from '../../lib/quiet';
import { go, pathTo, useQuery } from '../../lib/router';
import { axesOf } from '../../lib/studies/axes';
import { joined, nameOf, originOf } from '../../lib/studies/known';
import { brushesOf, brushesText, select, type Brushes } from '../../lib/studies/brush';
import { useStudyTable } from '../../live/studies';
import { useStudiesText } from '../../text/studies';
import { Icon } from '../../ui/icon';
import { Loading, Problem } from '../../ui/problem';
import { Limits } from './limits';
import { ParallelPlot } from './parallel_plot';
import { RegionDialog } from './region_dialog';
import { TrialTable } from './trial_table';

interface Props {
  study: StudyDetail;
  onOpen: (trial: number) => void;
}

export function TrialsPane({ study, onOpen }: Props) {
  const words = useStudiesText();
  const { data: table, problem, reload } = useStudyTable(study.id);
  if (problem && !table) return <Problem what={words.tabs.trials} problem={problem} onRetry={reload} />;
  if (!table) return <Loading />;
  if (table.count + (table.known?.count ?? 0) === 0) return <p class="empty">{words.plot.noTrials}</p>;
  return <Trials study={study} table={table} onOpen={onOpen} />;
}

function Trials({ study, table: own, onOpen: openOwn }: Props & { table: StudyTable }) {
  const words = useStudiesText().plot;
  const [earlier, setEarlier] = useQuery('earlier', 'shown');
  const table = useMemo(() => joined(own, earlier === 'shown'), [own, earlier]);
  const onOpen = (row: number) => {
    const origin = originOf(table, row);
    if (origin) go(`${pathTo.study(origin.study)}?trial=${origin.number}`);
    else openOwn(row);
  };
  const axes = useMemo(() => axesOf(table), [table]);
  const [address, setAddress] = useQuery('brush');
  const [brushes, setBrushes] = useState<Brushes>(() => brushesOf(address, axes));
  const [colourId, setColourId] = useQuery('colour', `m:${table.measures[0]?.name ?? ''}`);
  const [hovered, setHovered] = useState<number>();
  const [region, setRegion] = useState(false);
  const [marking, setMarking] = useState(false);
  const selection = useMemo(() => select(axes, brushes, table.count), [axes, brushes, table]);
  const listed = useQuiet(selection, marking);
  // Not compared again with every move of a mark.
  const list = useMemo(() => (
    <TrialTable table={table} axes={axes} selection={listed} hovered={hovered} resource={study.resource} onHover={setHovered} onOpen={onOpen} />
  ), [table, axes, listed, hovered, study.resource]);
  const colourBy = axes.find(({ id }) => id === colourId) ?? axes[axes.length - 1];
  if (!colourBy) return null;
  const mark = (next: Brushes) => {
    setMarking(true);
    setBrushes(next);
  };
  const settle = (next: Brushes) => {
    setMarking(false);
    setBrushes(next);
    setAddress(brushesText(next));
  };
  const marked = Object.keys(brushes).length > 0;
  const [shown, all] = [count(selection.count), count(table.count)];
  return (
    <div class="trials">
      <section class="card parallel" aria-label={words.title}>
        <header>
          <h2><span role="status" class="chosen-count">{words.chosen(shown, all)}</span></h2>
          <div class="row">
            {(own.known?.count ?? 0) > 0 && (
              <label class="row soft">
                <input type="checkbox" checked={earlier === 'shown'} onChange={(event) => setEarlier(event.currentTarget.checked ? 'shown' : 'hidden')} />
                {words.earlier(count(own.known?.count), (own.known?.studies ?? []).map(({ id, name }) => name || id).join(', '))}
              </label>
            )}
            <label class="row soft">{words.colour}
              <select value={colourBy.id} onChange={(event) => setColourId(event.currentTarget.value)}>
                {axes.map((axis) => <option key={axis.id} value={axis.id}>{axis.name}</option>)}
              </select>
            </label>
            <button type="button" disabled={!marked} onClick={() => settle({})}>{words.clear}</button>
            <button type="button" class={marked ? 'primary' : ''} disabled={!marked || selection.count === 0} onClick={() => setRegion(true)}>
              <Icon name="studies" />{words.region}
            </button>
          </div>
        </header>
        <ParallelPlot axes={axes} selection={selection} brushes={brushes} colourBy={colourBy} best={table.best} hovered={hovered}
          label={words.label(shown, all, axes.length)} nameOf={(row) => nameOf(table, row)} onBrush={mark} onSettle={settle} onHover={setHovered} onOpen={onOpen} />
        <div class="row spread plot-foot">
          <span class="soft">{words.help}</span>
          <span class="row legend">
            <span class="soft">{words.bad}</span><i class="heat" /><span class="soft">{words.good}</span>
            {table.best !== undefined && <><i class="best-line" /><span class="soft">{words.best}</span></>}
          </span>
        </div>
        <Limits axes={axes} brushes={brushes} onChange={settle} />
      </section>
      {list}
      {region && <RegionDialog study={study} axes={axes} brushes={brushes} selection={selection} onClose={() => setRegion(false)} />}
    </div>
  );
}
