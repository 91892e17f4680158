// The columns chosen last in this browser, where it keeps anything.
const kKey = 'galley.runs.columns';

export function keptColumns(): string {
  try {
    return localStorage.getItem(kKey) ?? '';
  } catch {
    return '';
  }
}

export function keepColumns(text: string): void {
  try {
    if (text) localStorage.setItem(kKey, text);
    else localStorage.removeItem(kKey);
  } catch {
    // The choice lasts as long as the address.
  }
}
