import type { ModelItem } from '../../api/types';
import { bytes, count } from '../../lib/format';
import { pathTo } from '../../lib/router';
import { useModels } from '../../live/entities';
import { useText, type Text } from '../../text';
import { Command } from '../../ui/command';
import { Link } from '../../ui/link';
import { Ago } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';

const channelsOf = (model: ModelItem) =>
  Object.entries(model.channels).map(([channel, { snapshot_ref }]) => `${channel}: ${snapshot_ref}`).join(' · ');

function modelColumns(text: Text): Column<ModelItem>[] {
  return [
    { id: 'name', name: text.models.name, key: (model) => model.name, cell: (model) => <Link class="title" to={pathTo.model(model.name)}>{model.name}</Link> },
    { id: 'channels', name: text.models.channels, cell: (model) => channelsOf(model) || <span class="soft">{text.models.noChannel}</span> },
    { id: 'snapshots', name: text.models.snapshots, number: true, key: (model) => model.snapshots, cell: (model) => count(model.snapshots) },
    { id: 'latest', name: text.models.latest, wide: true, cell: (model) => model.latest?.ref ?? '–' },
    { id: 'size', name: text.common.size, number: true, wide: true, key: (model) => model.latest?.size_bytes, cell: (model) => bytes(model.latest?.size_bytes) },
    { id: 'changed', name: text.models.changed, number: true, wide: true, key: (model) => model.latest?.created_at, cell: (model) => <Ago at={model.latest?.created_at} /> },
    {
      id: 'try', name: text.models.try,
      cell: (model) => <Link to={pathTo.playground(model.name)} aria-label={`${text.models.try}: ${model.name}`}>{text.models.try}</Link>,
    },
  ];
}

export function ModelsView() {
  const text = useText();
  const { data: models, problem, reload } = useModels();
  return (
    <div class="view">
      <div class="view-head"><h1>{text.models.title}</h1></div>
      {problem && <Problem what={text.models.title} problem={problem} onRetry={reload} />}
      {!models && !problem && <Loading />}
      {models && (
        <section class="card flush" aria-label={text.models.title}>
          <Table main label={text.models.title} columns={modelColumns(text)} rows={models} id={(model) => model.name}
            open={(model) => pathTo.model(model.name)}
            empty={<>{text.models.empty}<Command line={text.models.emptyCommand} /></>} />
        </section>
      )}
    </div>
  );
}
