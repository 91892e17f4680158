// How far a study is, and what ends it. Pure.
import type { StudyDetail, StudyItem, StudySummary } from '../../api/study_types';

const kLeastShare = 0.02;

/** The share of each limit that is spent, the most spent first. */
export function limitsOf(study: StudyDetail, nowMs: number): { limit: 'trials' | 'gpu_hours' | 'hours'; spent: number; most: number }[] {
  const { max_session_number: trials, max_gpu_hours: gpuHours, max_hours: hours } = study.file.termination ?? {};
  const spentHours = ((study.ended_at ? Date.parse(study.ended_at) : nowMs) - Date.parse(study.created_at)) / 3.6e6;
  const limits = [
    ...(trials ? [{ limit: 'trials' as const, spent: study.pools.ended + study.pools.dead, most: trials }] : []),
    ...(gpuHours ? [{ limit: 'gpu_hours' as const, spent: study.gpu_seconds / 3600, most: gpuHours }] : []),
    ...(hours ? [{ limit: 'hours' as const, spent: spentHours, most: hours }] : []),
  ];
  return limits.sort((a, b) => b.spent / b.most - a.spent / a.most);
}

/** When it ends if it goes on as so far (ms); undefined while too little is known, or nothing ends it. */
export function endOf(study: StudyDetail, nowMs: number): number | undefined {
  const [first] = limitsOf(study, nowMs);
  if (!first || study.state !== 'running') return undefined;
  const share = first.spent / first.most;
  const began = Date.parse(study.created_at);
  return share < kLeastShare || share >= 1 ? undefined : began + (nowMs - began) / share;
}

export const isOver = (study: StudyItem): boolean => study.state === 'finished' || study.state === 'stopped';

export const gpuHours = (seconds: number): number => seconds / 3600;

export const summaryOf = (study: StudyDetail): StudySummary => ({
  trials: study.trials, pools: study.pools, gpu_seconds: study.gpu_seconds, ...(study.best ? { best: study.best } : {}),
});
