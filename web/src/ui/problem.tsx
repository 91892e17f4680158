import type { ApiProblem } from '../api/client';
import { useText } from '../text';

interface Props {
  what: string;
  problem: ApiProblem;
  onRetry?: () => void;
}

/** What went wrong, what to do, and the number under which the server logged it. */
export function Problem({ what, problem, onRetry }: Props) {
  const text = useText();
  return (
    <div class="problem" role="alert">
      <strong>{problem.status === 0 ? text.common.unreachable : text.common.failedTo(what)}</strong>
      <span>{problem.detail}</span>
      {problem.hint && <span>{problem.hint}</span>}
      {problem.requestId && <span class="soft mono">{text.common.requestId(problem.requestId)}</span>}
      {onRetry && (
        <div class="row">
          <button type="button" onClick={onRetry}>{text.common.tryAgain}</button>
        </div>
      )}
    </div>
  );
}

export function Loading() {
  const text = useText();
  return <p class="empty" role="status">{text.common.loading}</p>;
}
