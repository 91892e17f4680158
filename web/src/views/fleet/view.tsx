import { useNodes } from '../../live/entities';
import { useText } from '../../text';
import { Command } from '../../ui/command';
import { Loading, Problem } from '../../ui/problem';
import { Table } from '../../ui/table';
import { CellBoxes } from './cells';
import { deviceColumns, nodeColumns, placedDevices } from './columns';
import { FleetPlots } from './plots';

export function FleetView() {
  const text = useText();
  const { data: nodes, problem, reload } = useNodes();
  return (
    <div class="view">
      <div class="view-head"><h1>{text.fleet.title}</h1></div>
      {problem && <Problem what={text.fleet.title} problem={problem} onRetry={reload} />}
      {!nodes && !problem && <Loading />}
      {nodes && (
        <>
          <section class="card flush" aria-label={text.overview.nodes}>
            <header><h2>{text.overview.nodes}</h2></header>
            <Table main label={text.overview.nodes} columns={nodeColumns(text)} rows={nodes} id={(node) => node.id}
              empty={<>{text.fleet.empty}<Command line={text.fleet.emptyCommand} /></>} />
          </section>
          <FleetPlots nodes={nodes} />
          <CellBoxes nodes={nodes} />
          <section class="card flush" aria-label={text.fleet.devices}>
            <header><h2>{text.fleet.devices}</h2></header>
            <Table label={text.fleet.devices} columns={deviceColumns(text)} rows={placedDevices(nodes)} id={(device) => device.id}
              empty={text.fleet.noDevices} />
          </section>
        </>
      )}
    </div>
  );
}
