import type { StudyItem } from '../../api/study_types';
import { count, measure } from '../../lib/format';
import { pathTo } from '../../lib/router';
import { gpuHours } from '../../lib/studies/progress';
import { useStudies } from '../../live/studies';
import { useText } from '../../text';
import { useStudiesText, type StudiesText } from '../../text/studies';
import { StateChip } from '../../ui/chip';
import { Command } from '../../ui/command';
import { Link } from '../../ui/link';
import { Ago, Took } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { PoolBar } from '../study/pool_bar';
import '../../styles/studies.css';

const bestOf = (study: StudyItem) => study.summary?.best?.values.map(measure).join(' · ') ?? '–';

function columns(words: StudiesText): Column<StudyItem>[] {
  const { columns: names } = words;
  return [
    {
      id: 'name', name: names.name, key: (study) => study.name,
      cell: (study) => <Link class="title" to={pathTo.study(study.id)} title={study.id}>{study.name}</Link>,
    },
    { id: 'state', name: names.state, key: (study) => study.state, cell: (study) => <StateChip state={study.state} /> },
    { id: 'trials', name: names.trials, number: true, key: (study) => study.summary?.trials, cell: (study) => count(study.summary?.trials) },
    { id: 'best', name: names.best, number: true, key: (study) => study.summary?.best?.values[0], cell: bestOf },
    {
      id: 'gpu', name: names.gpuHours, number: true, wide: true, key: (study) => study.summary?.gpu_seconds,
      cell: (study) => (study.summary ? measure(gpuHours(study.summary.gpu_seconds)) : '–'),
    },
    { id: 'pools', name: names.pools, wide: true, cell: (study) => (study.summary ? <PoolBar pools={study.summary.pools} /> : '–') },
    { id: 'by', name: names.by, wide: true, key: (study) => study.principal, cell: (study) => study.principal },
    { id: 'took', name: names.took, number: true, wide: true, cell: (study) => <Took from={study.created_at} to={study.ended_at} /> },
    { id: 'started', name: names.started, number: true, key: (study) => study.created_at, cell: (study) => <Ago at={study.created_at} /> },
  ];
}

export function StudiesView(_: { id: string }) {
  const text = useText();
  const words = useStudiesText();
  const { rows: studies, problem, reload, more } = useStudies();
  return (
    <div class="view">
      <div class="view-head"><h1>{words.title}</h1></div>
      {problem && <Problem what={words.title} problem={problem} onRetry={reload} />}
      <section class="card flush" aria-label={words.title}>
        {studies ? (
          <Table main label={words.title} columns={columns(words)} rows={studies} id={(study) => study.id} open={(study) => pathTo.study(study.id)}
            empty={<>{words.empty}<Command line={words.emptyCommand} /><span>{words.emptyMore}</span></>} />
        ) : !problem && <Loading />}
        {studies && studies.length > 0 && <div class="list-foot">
            <span>{text.common.rows(studies.length)}</span>
            {more && <button type="button" class="small" onClick={more}>{text.common.more}</button>}
          </div>}
      </section>
    </div>
  );
}
