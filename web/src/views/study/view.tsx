import { useState } from 'preact/hooks';

import type { Finalist, StudyDetail } from '../../api/study_types';
import { useNow } from '../../lib/clock';
import { ago, brief, count, exact, measure } from '../../lib/format';
import { useQuery } from '../../lib/router';
import { endOf, gpuHours, isOver } from '../../lib/studies/progress';
import { useMaySubmit } from '../../live/account';
import { stopStudy, useStudy } from '../../live/studies';
import { useLanguage } from '../../text';
import { useStudiesText } from '../../text/studies';
import { StateChip } from '../../ui/chip';
import { ConfirmDialog } from '../../ui/dialog';
import { Figure } from '../../ui/figure';
import { Icon } from '../../ui/icon';
import { Ago, Took } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { Tabs } from '../../ui/tabs';
import { say } from '../../ui/toast';
import { CurvesPane } from './curves_pane';
import { FilePane } from './file_pane';
import { ImportancePane } from './importance_pane';
import { PoolBar } from './pool_bar';
import { PoolsPane } from './pools_pane';
import { TrialDrawer } from './trial_drawer';
import { TrialsPane } from './trials_pane';
import '../../styles/studies.css';

function Ends({ study }: { study: StudyDetail }) {
  const words = useStudiesText();
  const language = useLanguage();
  const now = useNow(5000);
  if (study.ended_at) return <Ago at={study.ended_at} />;
  if (Object.keys(study.file.termination ?? {}).length === 0) return <small>{words.head.endless}</small>;
  const end = endOf(study, now);
  if (end === undefined) return <small>{words.head.soon}</small>;
  const at = new Date(end).toISOString();
  return <time dateTime={at} title={exact(at, language)}>{ago(at, now, language)}</time>;
}

function StopDialog({ study, onClose }: { study: StudyDetail; onClose: () => void }) {
  const words = useStudiesText().stop;
  const confirm = async () => {
    await stopStudy(study.id);
    say(words.done(study.name));
  };
  return (
    <ConfirmDialog title={words.title(study.name)} action={words.action} danger onConfirm={confirm} onClose={onClose}>
      <p>{words.says(study.pools.live)}</p>
      <p class="soft">{words.keeps}</p>
    </ConfirmDialog>
  );
}

function Race({ finalists, onOpen }: { finalists: readonly Finalist[]; onOpen: (trial: number) => void }) {
  const words = useStudiesText().race;
  const columns: Column<Finalist>[] = [
    { id: 'trial', name: words.trial, number: true, cell: (one) => <button type="button" class="link" onClick={() => onOpen(one.trial)}>{one.trial}</button> },
    { id: 'runs', name: words.runs, number: true, cell: (one) => count(one.runs) },
    { id: 'mean', name: words.mean, number: true, key: (one) => one.mean, cell: (one) => measure(one.mean) },
    { id: 'interval', name: words.interval, number: true, cell: ({ interval: [low, high] }) => (low === null || high === null ? '–' : `${measure(low)} – ${measure(high)}`) },
  ];
  return (
    <section class="card flush" aria-label={words.title}>
      <header><h2>{words.title}</h2></header>
      <Table label={words.title} columns={columns} rows={finalists} id={(one) => `finalist-${one.trial}`} empty={words.none} />
    </section>
  );
}

export function StudyView({ id }: { id: string }) {
  const words = useStudiesText();
  const { data: study, problem, reload } = useStudy(id);
  const maySubmit = useMaySubmit();
  const [stopping, setStopping] = useState(false);
  const [trial, setTrial] = useQuery('trial');
  if (!study) return <div class="view">{problem ? <Problem what={id} problem={problem} onRetry={reload} /> : <Loading />}</div>;
  const { head, tabs } = words;
  const open = (number: number) => setTrial(String(number));
  return (
    <div class="view">
      <div class="view-head">
        <div class="title">
          <h1>{study.name}</h1>
          <StateChip state={study.state} />
          {isOver(study) && study.reason && <span class="soft">{study.reason}</span>}
        </div>
        {study.state === 'running' && maySubmit && (
          <button type="button" class="danger" onClick={() => setStopping(true)}><Icon name="slash" />{head.stop}</button>
        )}
      </div>
      {problem && <Problem what={study.name} problem={problem} onRetry={reload} />}
      <dl class="figures band study-figures">
        <Figure name={`${head.best}, ${study.measures.map(({ name }) => name).join(', ')}`} unit={study.best ? head.bestTrial(study.best.trial) : undefined}>
          {study.best ? study.best.values.map(brief).join(' · ') : <small>{head.none}</small>}
        </Figure>
        <Figure name={head.trials} unit={study.max_trials && study.max_trials !== study.trials ? head.of(count(study.max_trials)) : undefined}>{count(study.trials)}</Figure>
        <Figure name={head.live}>{count(study.pools.live)}</Figure>
        <Figure name={head.gpuHours}>{brief(gpuHours(study.gpu_seconds))}</Figure>
        <Figure name={head.took}><Took from={study.created_at} to={study.ended_at} /></Figure>
        <Figure name={study.ended_at ? head.ended : head.ends}><Ends study={study} /></Figure>
      </dl>
      <PoolBar pools={study.pools} />
      {study.obstacle && (
        <section class="card guide" aria-label={words.obstacle} role="status">
          <header><h2>{words.obstacle}</h2></header>
          <p>{study.obstacle.reason}</p>
          {study.obstacle.help && <p class="soft">{study.obstacle.help}</p>}
        </section>
      )}
      {study.finalists && study.finalists.length > 0 && <Race finalists={study.finalists} onOpen={open} />}
      <Tabs label={head.tabs} tabs={[
        { id: 'trials', name: tabs.trials, body: () => <TrialsPane study={study} onOpen={open} /> },
        { id: 'curves', name: tabs.curves, body: () => <CurvesPane study={study} onOpen={open} /> },
        { id: 'pools', name: tabs.pools, body: () => <PoolsPane study={study} /> },
        { id: 'importance', name: tabs.importance, body: () => <ImportancePane study={study} /> },
        { id: 'file', name: tabs.file, body: () => <FilePane study={study} /> },
      ]} />
      {stopping && <StopDialog study={study} onClose={() => setStopping(false)} />}
      {/^\d+$/.test(trial) && <TrialDrawer key={trial} study={study} number={Number(trial)} onClose={() => setTrial('')} />}
    </div>
  );
}
