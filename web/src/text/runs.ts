import { useLanguage, type Language } from '.';
import { runsEn, type RunsText } from './runs_en';
import { runsKo } from './runs_ko';

const texts: Record<Language, RunsText> = { en: runsEn, ko: runsKo };

export type { RunsText };

export const useRunsText = (): RunsText => texts[useLanguage()];
