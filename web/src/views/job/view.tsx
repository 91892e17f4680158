import { useState } from 'preact/hooks';

import { pathTo } from '../../lib/router';
import { useJob } from '../../live/entities';
import { isFinal } from '../../live/merge';
import { useText } from '../../text';
import { StateChip } from '../../ui/chip';
import { EtaBar } from '../../ui/eta';
import { Figure } from '../../ui/figure';
import { Icon } from '../../ui/icon';
import { Link } from '../../ui/link';
import { Took } from '../../ui/moment';
import { Loading, Problem } from '../../ui/problem';
import { Tabs } from '../../ui/tabs';
import { CancelDialog } from './cancel_dialog';
import { GuideCard } from './guide_card';
import { LogPane } from './log_pane';
import { AttemptsPane, SpecPane, WhyPane } from './panes';

export function JobView({ id }: { id: string }) {
  const text = useText();
  const { data: job, problem, reload } = useJob(id);
  const [cancelling, setCancelling] = useState(false);
  if (!job) return <div class="view">{problem ? <Problem what={id} problem={problem} onRetry={reload} /> : <Loading />}</div>;
  const open = !isFinal(job.state) && job.state !== 'cancelling';
  return (
    <div class="view">
      <div class="view-head">
        <div class="title">
          <h1>{job.name}</h1>
          <StateChip state={job.state} />
          {job.reason && <span class="soft">{job.reason}</span>}
        </div>
        <div class="row">
          {job.run_id && <Link class="button" to={pathTo.run(job.run_id)}><Icon name="runs" />{text.job.run}</Link>}
          {open && <button type="button" class="danger" onClick={() => setCancelling(true)}><Icon name="slash" />{text.job.cancel}</button>}
        </div>
      </div>
      {problem && <Problem what={job.name} problem={problem} onRetry={reload} />}
      <dl class="figures band">
        <Figure name={text.job.waited}><Took from={job.created_at} to={job.started_at ?? job.finished_at} /></Figure>
        <Figure name={text.job.ran}><Took from={job.started_at} to={job.finished_at} /></Figure>
        <Figure name={text.job.exit} unit={text.job.attempts(job.attempts)} bad={(job.exit_code ?? 0) !== 0}>{job.exit_code ?? '–'}</Figure>
      </dl>
      {job.state === 'running' && job.eta && (
        <section class="card eta-card" aria-label={text.jobs.eta}><h2>{text.jobs.eta}</h2><EtaBar job={job} whole /></section>
      )}
      {job.state === 'queued' && <GuideCard key={id} job={job} />}
      <Tabs label={text.job.tabs} tabs={[
        { id: 'log', name: text.job.log, body: () => <LogPane job={job} /> },
        { id: 'spec', name: text.job.spec, body: () => <SpecPane job={job} /> },
        { id: 'attempts', name: text.job.attemptList, body: () => <AttemptsPane job={job} /> },
        { id: 'why', name: text.job.why, body: () => <WhyPane id={id} /> },
      ]} />
      {cancelling && <CancelDialog job={job} onClose={() => setCancelling(false)} />}
    </div>
  );
}
