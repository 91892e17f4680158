import { useLanguage, type Language } from '.';
import { estimatesEn, type EstimatesText } from './estimates_en';
import { estimatesKo } from './estimates_ko';

const texts: Record<Language, EstimatesText> = { en: estimatesEn, ko: estimatesKo };

export type { EstimatesText };

export const useEstimatesText = (): EstimatesText => texts[useLanguage()];
