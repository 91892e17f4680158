// Studies as the views read them, and what the page does to them.
import { useRef } from 'preact/hooks';

import * as calls from '../api/study_calls';
import type {
  StudyCurves, StudyDetail, StudyFile, StudyImportance, StudyItem, StudyPreview, StudyTable, StudyTimeline, TrialHistory,
} from '../api/study_types';
import type { Page } from '../api/types';
import type { LongList } from './lists';
import { markStale, useResource, type Resource } from './resources';
import { store } from './store';

const kPage = 100;

/** The event of a study names it by id; a page may have been opened by its name. */
const names = (id: string) => (id.startsWith('study_') ? [`study/${id}`] : ['studies']);

async function newest(wanted: number): Promise<Page<StudyItem>> {
  const items: StudyItem[] = [];
  let next: string | null | undefined;
  do {
    const page = await calls.studies(Math.min(kPage, wanted - items.length), next ?? undefined);
    items.push(...page.items);
    next = page.next_cursor;
  } while (next && items.length < wanted);
  return { items, next_cursor: next ?? null };
}

/** The newest, and further ones on demand. */
export function useStudies(): LongList<StudyItem> {
  const wanted = useRef(kPage);
  const { data, problem, reload } = useResource('studies', ['studies'], () => newest(wanted.current));
  const more = async () => {
    wanted.current += kPage;
    reload();
  };
  return { rows: data?.items, problem, reload, more: data?.next_cursor ? more : undefined };
}
export const useStudy = (id: string): Resource<StudyDetail> => useResource(`study/${id}`, names(id), async () => {
  const study = await calls.study(id);
  store.change((state) => (state.titles[id] === study.name ? state : { ...state, titles: { ...state.titles, [id]: study.name } }));
  return study;
});
export const useStudyTable = (id: string): Resource<StudyTable> => useResource(`study-table/${id}`, names(id), () => calls.studyTable(id));
export const useStudyCurves = (id: string): Resource<StudyCurves> => useResource(`study-curves/${id}`, names(id), () => calls.studyCurves(id));
export const useStudyTimeline = (id: string): Resource<StudyTimeline> =>
  useResource(`study-timeline/${id}`, names(id), () => calls.studyTimeline(id));
export const useStudyImportance = (id: string): Resource<StudyImportance> =>
  useResource(`study-importance/${id}`, names(id), () => calls.studyImportance(id));
export const useStudyTrial = (id: string, number: number): Resource<TrialHistory> =>
  useResource(`study-trial/${id}/${number}`, names(id), () => calls.studyTrial(id, number));

export async function stopStudy(id: string): Promise<void> {
  await calls.stopStudy(id);
  markStale(['studies', `study/${id}`]);
}

export async function startStudy(file: StudyFile): Promise<StudyDetail> {
  const study = await calls.createStudy(file);
  markStale(['studies']);
  return study;
}

export const useStudyPreview = (key: string, file: StudyFile): Resource<StudyPreview> =>
  useResource(`study-preview/${key}`, [], () => calls.previewStudy(file));
