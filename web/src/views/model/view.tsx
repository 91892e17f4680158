import { useState } from 'preact/hooks';

import type { ChannelMove, ModelDetail, Snapshot } from '../../api/types';
import { rollbackTarget } from '../../lib/channels';
import { bytes, count } from '../../lib/format';
import { pathTo } from '../../lib/router';
import { useHistory, useModel } from '../../live/entities';
import { useText, type Text } from '../../text';
import { Figure } from '../../ui/figure';
import { Icon } from '../../ui/icon';
import { Link } from '../../ui/link';
import { Ago } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Table, type Column } from '../../ui/table';
import { TryBox } from '../playground/try_box';
import { DeployDialog, RollbackDialog } from './dialogs';

type Asked = { kind: 'rollback'; channel: string; from: string; to: string } | { kind: 'deploy'; ref: string };

function snapshotColumns(text: Text, ask: (asked: Asked) => void): Column<Snapshot>[] {
  return [
    { id: 'ref', name: text.model.version, key: (one) => one.version, cell: (one) => <span class="title" title={one.id}>{one.ref}</span> },
    { id: 'size', name: text.model.size, number: true, key: (one) => one.size_bytes, cell: (one) => bytes(one.size_bytes) },
    { id: 'files', name: text.model.files, number: true, wide: true, cell: (one) => count(one.file_count) },
    { id: 'note', name: text.model.note, wide: true, wrap: true, cell: (one) => one.note || '–' },
    { id: 'run', name: text.model.run, wide: true, cell: (one) => (one.run_id ? <Link to={pathTo.run(one.run_id)} aria-label={`${text.model.run} ${one.ref}`}>{text.model.run}</Link> : '–') },
    { id: 'created', name: text.model.created, number: true, wide: true, key: (one) => one.created_at, cell: (one) => <Ago at={one.created_at} /> },
    {
      id: 'deploy', name: text.model.deploy, number: true,
      cell: (one) => <button type="button" class="small" aria-label={text.model.deployTo(one.ref)} onClick={() => ask({ kind: 'deploy', ref: one.ref })}>{text.model.deploy}</button>,
    },
  ];
}

function historyColumns(text: Text): Column<ChannelMove>[] {
  return [
    { id: 'channel', name: text.model.channel, cell: (one) => one.channel },
    { id: 'action', name: text.model.action, wide: true, cell: (one) => text.model.actions[one.action] ?? one.action },
    { id: 'move', name: text.model.move, cell: (one) => <span class="move">{`${one.previous_snapshot_ref ?? text.model.nothing} → ${one.snapshot_ref}`}</span> },
    { id: 'by', name: text.model.by, wide: true, cell: (one) => one.principal },
    { id: 'at', name: text.model.at, number: true, cell: (one) => <Ago at={one.at} /> },
  ];
}

interface ChannelsProps {
  model: ModelDetail;
  history: readonly ChannelMove[];
  ask: (asked: Asked) => void;
}

function Channels({ model, history, ask }: ChannelsProps) {
  const text = useText();
  const channels = Object.entries(model.channels);
  return (
    <section class="card flush" aria-label={text.model.channels}>
      <header><h2>{text.model.channels}</h2></header>
      {channels.length === 0 && <p class="empty">{text.model.noChannels}</p>}
      {channels.map(([name, channel]) => {
        const to = rollbackTarget(history, name);
        return (
          <div class="channel" key={name} data-channel={name}>
            <div>
              <div class="row"><span class="soft">{name}</span><span class="ref">{channel.snapshot_ref}</span></div>
              <div class="soft">{text.model.since} <Ago at={channel.changed_at} /></div>
            </div>
            <button type="button" class="danger" aria-label={text.model.rollbackOf(name)} disabled={to === undefined}
              title={to === undefined ? text.model.nothingBack : text.model.moveSays(name, channel.snapshot_ref, to)}
              onClick={() => to !== undefined && ask({ kind: 'rollback', channel: name, from: channel.snapshot_ref, to })}>
              <Icon name="back" />{text.model.rollback}
            </button>
          </div>
        );
      })}
    </section>
  );
}

export function ModelView({ id }: { id: string }) {
  const text = useText();
  const { data: model, problem, reload } = useModel(id);
  const history = useHistory(id);
  const [asked, setAsked] = useState<Asked>();
  if (!model) return <div class="view">{problem ? <Problem what={id} problem={problem} onRetry={reload} /> : <Loading />}</div>;
  const moves = history.data ?? [];
  const close = () => setAsked(undefined);
  const prod = model.channels['prod'];
  return (
    <div class="view">
      <div class="view-head"><h1>{model.name}</h1></div>
      {problem && <Problem what={model.name} problem={problem} onRetry={reload} />}
      <dl class="figures band">
        <Figure name={text.model.prod}>{prod?.snapshot_ref ?? text.model.nothing}</Figure>
        <Figure name={text.model.snapshots}>{count(model.snapshots.length)}</Figure>
        <Figure name={text.model.generationShort}>{count(prod?.generation ?? 0)}</Figure>
      </dl>
      <div class="columns">
        <div class="stack">
          <Channels model={model} history={moves} ask={setAsked} />
          <section class="card flush" aria-label={text.model.snapshots}>
            <header><h2>{text.model.snapshots}</h2></header>
            <Table label={text.model.snapshots} columns={snapshotColumns(text, setAsked)} rows={model.snapshots} id={(one) => one.id}
              empty={text.model.noSnapshots} />
          </section>
          <section class="card flush" aria-label={text.model.history}>
            <header><h2>{text.model.history}</h2></header>
            {history.problem && <Problem what={text.model.history} problem={history.problem} onRetry={history.reload} />}
            <Table label={text.model.history} columns={historyColumns(text)} rows={moves} id={(one) => String(one.seq)}
              empty={text.model.noHistory} />
          </section>
        </div>
        <div class="stack">
          {prod && (
            <section class="card" aria-label={text.models.try}>
              <header><h2>{text.models.try}</h2></header>
              <TryBox models={[model]} />
            </section>
          )}
        </div>
      </div>
      {asked?.kind === 'rollback' && <RollbackDialog model={model.name} channel={asked.channel} from={asked.from} to={asked.to} onClose={close} />}
      {asked?.kind === 'deploy' && <DeployDialog model={model} snapshotRef={asked.ref} onClose={close} />}
    </div>
  );
}
