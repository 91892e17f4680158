import { describe, expect, it } from 'vitest';

import { type CellNode, cellTree } from '../src/lib/cells';

const draw = (cell: CellNode): string =>
  cell.children.length > 0 ? `${cell.level}(${cell.children.map(draw).join(' ')})` : `${cell.places.join()}`;

describe('cellTree', () => {
  it('nests cells and makes GPUs the leaves', () => {
    const cells = [
      { level: 'pair', link: 'PIX', devices: [0, 1] },
      { level: 'triple', link: 'PXB', devices: [2, 0, 1] },
      { level: 'node', link: 'SYS', devices: [0, 1, 2, 3, 4] },
    ];
    expect(draw(cellTree(cells, 5))).toBe('node(triple(pair(0 1) 2) 3 4)');
    expect(cellTree(cells, 5).link).toBe('SYS');
  });
  it('shows a node without cells as one', () => expect(draw(cellTree([], 2))).toBe('node(0 1)'));
  it('leaves out cells of GPUs that are not there', () =>
    expect(draw(cellTree([{ level: 'pair', link: '', devices: [1, 9] }], 2))).toBe('node(0 1)'));
});
