const kGood = ['wonderful', 'lovely', 'great', 'moving', 'brilliant'];
const kBad = ['dreadful', 'boring', 'awful', 'clumsy', 'terrible'];

/** Rows of a labelled file that any classifier can learn. */
export function reviews(count) {
  return Array.from({ length: count }, (_, index) => {
    const good = index % 2 === 0;
    const words = good ? kGood : kBad;
    const first = words[index % words.length];
    const second = words[(index >> 1) % words.length];
    return `a ${first} and ${second} film, number ${index}\t${good ? 'good' : 'bad'}`;
  });
}
