import type { JobDetail } from '../../api/types';
import { between, duration } from '../../lib/format';
import { cancelJob } from '../../live/actions';
import { useText } from '../../text';
import { ConfirmDialog } from '../../ui/dialog';
import { say } from '../../ui/toast';

/** The grace of the spec as it was written: seconds or "10s". */
function graceOf(job: JobDetail): string {
  const grace = job.spec['grace'];
  return typeof grace === 'number' ? duration(grace) : typeof grace === 'string' ? grace : duration(10);
}

export function CancelDialog({ job, onClose }: { job: JobDetail; onClose: () => void }) {
  const text = useText();
  const now = Date.now();
  const says = job.started_at
    ? text.job.cancelRunning(duration(Math.floor(between(job.started_at, null, now) ?? 0)), graceOf(job))
    : text.job.cancelQueued(duration(Math.floor(between(job.created_at, null, now) ?? 0)));
  const confirm = async () => {
    await cancelJob(job.id);
    say(text.job.cancelled(job.name));
  };
  return (
    <ConfirmDialog title={text.job.cancelTitle(job.name)} action={text.job.cancel} danger onConfirm={confirm} onClose={onClose}>
      <p>{says}</p>
      <p class="soft">{text.job.cancelKeep}</p>
    </ConfirmDialog>
  );
}
