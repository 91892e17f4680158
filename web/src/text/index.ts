import { preference } from '../lib/preferences';
import { en, type Text } from './en';
import { ko } from './ko';

export type Language = 'en' | 'ko';
export type { Text };

const texts: Record<Language, Text> = { en, ko };

const ours = (tag: string): Language => (tag.toLowerCase().startsWith('ko') ? 'ko' : 'en');

export const language = preference<Language>('galley.language', ['en', 'ko'], ours(navigator.language));

export function useLanguage(): Language {
  return language.use();
}

export function useText(): Text {
  return texts[language.use()];
}
