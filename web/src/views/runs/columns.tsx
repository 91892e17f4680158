import type { ComponentChildren } from 'preact';

import type { ListedRun } from '../../api/run_types';
import { measure } from '../../lib/format';
import { pathTo } from '../../lib/router';
import { splitColumn, valueOf } from '../../lib/runs/columns';
import type { Text } from '../../text';
import { StateChip } from '../../ui/chip';
import { Link } from '../../ui/link';
import { Ago, Took } from '../../ui/moment';

export interface RunColumn {
  id: string;
  name: string;
  /** What `order` calls it; absent: it cannot be sorted by. */
  order?: string;
  number?: boolean;
  width: number;
  wide?: boolean;
  cell: (run: ListedRun) => ComponentChildren;
}

function chosenColumn(id: string): RunColumn {
  const { family, key } = splitColumn(id) as { family: string; key: string };
  const isMetric = family === 'metrics';
  return {
    id, name: key, order: id, number: isMetric, width: Math.min(200, Math.max(92, key.length * 7 + 40)),
    cell: (run) => {
      const value = valueOf(run, id);
      if (isMetric) return measure(value as number | null | undefined);
      return value == null ? '–' : <span class="mono" title={String(value)}>{value}</span>;
    },
  };
}

/** The columns of every run around those that the reader chose. */
export function runColumns(text: Text, chosen: readonly string[]): RunColumn[] {
  return [
    {
      id: 'name', name: text.runs.name, order: 'name', width: 200,
      cell: (run) => <Link class="title" to={pathTo.run(run.id)} title={`${run.name}\n${run.id}`}>{run.name || run.id}</Link>,
    },
    { id: 'state', name: text.common.state, order: 'state', width: 112, cell: (run) => <StateChip state={run.state} /> },
    ...chosen.map(chosenColumn),
    {
      id: 'experiment', name: text.runs.experiment, order: 'experiment', width: 130, wide: true,
      cell: (run) => <span title={run.experiment}>{run.experiment}</span>,
    },
    {
      id: 'took', name: text.runs.took, order: 'duration', number: true, width: 100, wide: true,
      cell: (run) => <Took from={run.created_at} to={run.ended_at} />,
    },
    {
      id: 'created', name: text.runs.started, order: 'created_at', number: true, width: 110, wide: true,
      cell: (run) => <Ago at={run.created_at} />,
    },
  ];
}
