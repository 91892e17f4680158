import { useEffect, useState } from 'preact/hooks';

import { preference } from './preferences';

export type Theme = 'system' | 'light' | 'dark';

export const theme = preference<Theme>('galley.theme', ['system', 'light', 'dark'], 'system');

const dark = matchMedia('(prefers-color-scheme: dark)');

const shownNow = (): 'light' | 'dark' => {
  const chosen = theme.get();
  return chosen === 'system' ? (dark.matches ? 'dark' : 'light') : chosen;
};

/** The stylesheet follows this attribute. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = shownNow();
}

/** 'light' or 'dark' as shown now; charts are drawn again when it changes. */
export function useShownTheme(): 'light' | 'dark' {
  const chosen = theme.use();
  const [, setSystem] = useState(dark.matches);
  useEffect(() => {
    const follow = () => {
      applyTheme();
      setSystem(dark.matches);
    };
    follow();
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [chosen]);
  return shownNow();
}

export const nextTheme: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
