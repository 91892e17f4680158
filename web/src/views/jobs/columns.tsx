import type { JobRecord } from '../../api/types';
import { between, bytes } from '../../lib/format';
import { pathTo } from '../../lib/router';
import type { Text } from '../../text';
import { StateChip } from '../../ui/chip';
import { EtaBar } from '../../ui/eta';
import { Link } from '../../ui/link';
import { Ago, Took } from '../../ui/moment';
import type { Column } from '../../ui/table';

/** "1 CPU · 2 GPUs · 4 GiB", leaving out what is not asked for. */
export function asks(job: JobRecord, text: Text): string {
  const { gpus = 0, cpus = 1, memory = 0, nodes = 1, gpu_type } = job.spec.resources ?? {};
  const size = typeof memory === 'number' ? (memory > 0 ? bytes(memory) : '') : memory;
  return [
    gpus > 0 ? `${text.job.gpus(gpus)}${gpu_type ? ` ${gpu_type}` : ''}` : '',
    text.job.cpus(cpus), size === '0' || size === '0B' ? '' : size, nodes > 1 ? text.job.times(nodes) : '',
  ].filter(Boolean).join(' · ');
}

const took = (from: string | null | undefined, to: string | null | undefined) => between(from, to, Date.now());

export function jobColumns(text: Text): Column<JobRecord>[] {
  return [
    {
      id: 'name', name: text.jobs.name, key: (job) => job.name,
      cell: (job) => <Link class="title" to={pathTo.job(job.id)} title={job.id}>{job.name}</Link>,
    },
    { id: 'state', name: text.jobs.state, key: (job) => job.state, cell: (job) => <StateChip state={job.state} /> },
    { id: 'team', name: text.jobs.team, key: (job) => job.team, cell: (job) => job.team, wide: true },
    { id: 'asked', name: text.jobs.asked, cell: (job) => asks(job, text), wide: true },
    {
      id: 'waited', name: text.jobs.waited, number: true, wide: true,
      key: (job) => took(job.created_at, job.started_at ?? job.finished_at),
      cell: (job) => <Took from={job.created_at} to={job.started_at ?? job.finished_at} />,
    },
    {
      id: 'ran', name: text.jobs.ran, number: true, key: (job) => took(job.started_at, job.finished_at),
      cell: (job) => <Took from={job.started_at} to={job.finished_at} />,
    },
    {
      id: 'eta', name: text.jobs.eta, wide: true, key: (job) => (job.state === 'running' ? job.eta?.finish_at : null),
      cell: (job) => <EtaBar job={job} />,
    },
    { id: 'exit', name: text.jobs.exit, number: true, wide: true, key: (job) => job.exit_code, cell: (job) => job.exit_code ?? '–' },
    { id: 'reason', name: text.jobs.reason, wide: true, cell: (job) => <span title={job.reason}>{job.reason}</span> },
    {
      id: 'created', name: text.jobs.created, number: true, key: (job) => job.seq, cell: (job) => <Ago at={job.created_at} />,
    },
  ];
}
