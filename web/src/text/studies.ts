import { useLanguage, type Language } from '.';
import { studiesEn, type StudiesText } from './studies_en';
import { studiesKo } from './studies_ko';

const texts: Record<Language, StudiesText> = { en: studiesEn, ko: studiesKo };

export type { StudiesText };

export const useStudiesText = (): StudiesText => texts[useLanguage()];
