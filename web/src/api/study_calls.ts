import { getJson, withQuery, writeJson } from './client';
import type {
  StudyCurves, StudyDetail, StudyFile, StudyImportance, StudyItem, StudyPreview, StudyTable, StudyTimeline, TrialHistory,
} from './study_types';
import type { Page } from './types';

const root = '/api/v1/studies';
const at = (id: string, part = '') => `${root}/${encodeURIComponent(id)}${part}`;

export const studies = (limit: number, cursor?: string) =>
  getJson<Page<StudyItem>>(withQuery(root, { limit, cursor }));
export const study = (id: string) => getJson<StudyDetail>(at(id));
export const studyTable = (id: string) => getJson<StudyTable>(at(id, '/table'));
export const studyCurves = (id: string) => getJson<StudyCurves>(at(id, '/curves'));
export const studyTimeline = (id: string) => getJson<StudyTimeline>(at(id, '/timeline'));
export const studyImportance = (id: string) => getJson<StudyImportance>(at(id, '/importance'));
export const studyTrial = (id: string, number: number) => getJson<TrialHistory>(at(id, `/trials/${number}`));
export const stopStudy = (id: string) => writeJson<StudyDetail>('POST', at(id, '/stop'));
export const createStudy = (file: StudyFile) => writeJson<StudyDetail>('POST', root, file);
export const previewStudy = (file: StudyFile) => writeJson<StudyPreview>('POST', `${root}/preview`, { file });
