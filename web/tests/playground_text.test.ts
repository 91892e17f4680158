import { describe, expect, it } from 'vitest';

import { promptOf, withFirstShots } from '../src/lib/playground/template';
import { playgroundEn } from '../src/text/playground_en';
import { playgroundKo } from '../src/text/playground_ko';
import { samplesEn } from '../src/text/samples_en';
import { samplesKo } from '../src/text/samples_ko';

type Tree = { [name: string]: unknown };
const shape = (tree: Tree, at = ''): string[] =>
  Object.entries(tree).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? shape(value as Tree, `${at}.${name}`) : [`${at}.${name}: ${typeof value}`]);

describe('the words of the playground', () => {
  it('are the same in both languages, down to each knob', () => {
    expect(shape(playgroundKo)).toEqual(shape(playgroundEn));
    expect(JSON.stringify(playgroundKo)).not.toContain(':""');
  });
});

describe('the prompts to begin with', () => {
  it('are five kinds, each with none, one and three examples', () => {
    for (const samples of [samplesEn, samplesKo]) {
      expect(samples.map(({ id }) => id)).toEqual(['query', 'chatbot', 'sql', 'latex', 'shell']);
      for (const { template } of samples) {
        expect(template.shots.length).toBe(3);
        const lengths = [0, 1, 3].map((count) => promptOf(withFirstShots(template, count)).length);
        expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
        expect(promptOf(template).endsWith(template.outputLabel)).toBe(true);
      }
    }
  });
});
