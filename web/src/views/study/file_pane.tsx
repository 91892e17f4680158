import type { StudyDetail } from '../../api/study_types';
import { measure } from '../../lib/format';
import { save } from '../../lib/save';
import { isOver } from '../../lib/studies/progress';
import { fileText, repeatCommand } from '../../lib/studies/region';
import { useText } from '../../text';
import { useStudiesText } from '../../text/studies';
import { Command, CopyButton } from '../../ui/command';

export function FilePane({ study }: { study: StudyDetail }) {
  const text = useText();
  const words = useStudiesText().file;
  const json = fileText(study.file);
  const { max_session_number: trials, max_gpu_hours: gpuHours, max_hours: hours, target } = study.file.termination ?? {};
  const limits = [
    ...(trials ? [words.trials(measure(trials))] : []), ...(gpuHours ? [words.gpuHours(measure(gpuHours))] : []),
    ...(hours ? [words.hours(measure(hours))] : []), ...(target === undefined ? [] : [words.target(measure(target))]),
  ];
  return (
    <div class="stack">
      <dl class="facts">
        <dt>{text.common.id}</dt><dd class="mono">{study.id}</dd>
        <dt>{words.method}</dt><dd>{isOver(study) ? study.methods : study.reason}</dd>
        <dt>{words.limits}</dt><dd>{limits.join(', ') || words.never}</dd>
        <dt>{words.resource}</dt><dd>{`${measure(study.max_resource)} ${study.resource}`}</dd>
        <dt>{text.jobs.team}</dt><dd>{study.team}</dd>
        <dt>{text.job.by}</dt><dd>{study.principal}</dd>
      </dl>
      <section class="card" aria-label={words.repeat}>
        <header><h2>{words.repeat}</h2></header>
        <div class="stack tight">
          <span class="soft">{words.command}</span>
          <Command line={repeatCommand(study.file, `${study.name}.json`)} />
          {!study.has_job && <span class="soft">{words.asked}</span>}
        </div>
      </section>
      <div class="row">
        <h2>{words.title}</h2>
        <CopyButton value={json} />
        <button type="button" class="small quiet" onClick={() => save(`${study.name}.json`, new Blob([json], { type: 'application/json' }))}>{words.download}</button>
      </div>
      <pre class="block" role="region" aria-label={words.title} tabIndex={0}>{json}</pre>
    </div>
  );
}
