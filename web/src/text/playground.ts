import { useLanguage, type Language } from '.';
import { samplesEn, type Sample } from './samples_en';
import { samplesKo } from './samples_ko';
import { playgroundEn, type PlaygroundText } from './playground_en';
import { playgroundKo } from './playground_ko';

const texts: Record<Language, PlaygroundText> = { en: playgroundEn, ko: playgroundKo };
const samples: Record<Language, readonly Sample[]> = { en: samplesEn, ko: samplesKo };

export type { PlaygroundText, Sample };

export const usePlaygroundText = (): PlaygroundText => texts[useLanguage()];

/** Prompts to begin with, in the reader's language. */
export const useSamples = (): readonly Sample[] => samples[useLanguage()];
