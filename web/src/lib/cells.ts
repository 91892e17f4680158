import type { CellRecord } from '../api/types';

/** A cell with the cells and single GPUs that lie in it; `places` are sorted. */
export interface CellNode {
  level: string;
  link: string;
  places: number[];
  children: CellNode[];
}

const holds = (outer: CellNode, inner: CellNode): boolean =>
  inner.places.every((place) => outer.places.includes(place));

function insert(roots: CellNode[], cell: CellNode): void {
  const outer = roots.find((root) => holds(root, cell));
  if (outer) insert(outer.children, cell);
  else roots.push(cell);
}

function addSingles(cell: CellNode): void {
  cell.children.forEach(addSingles);
  const held = new Set(cell.children.flatMap((child) => child.places));
  for (const place of cell.places)
    if (!held.has(place)) cell.children.push({ level: 'gpu', link: '', places: [place], children: [] });
  cell.children.sort((a, b) => (a.places[0] ?? 0) - (b.places[0] ?? 0));
}

/** The tree of a node's cells; GPUs are its leaves. Cells that name GPUs which are not there are left out. */
export function cellTree(cells: readonly CellRecord[], deviceCount: number): CellNode {
  const places = Array.from({ length: deviceCount }, (_, place) => place);
  const root: CellNode = { level: 'node', link: '', places, children: [] };
  const known = cells
    .filter((cell) => cell.devices.length > 1 && cell.devices.every((place) => place < deviceCount))
    .map((cell): CellNode => ({ level: cell.level, link: cell.link, places: [...cell.devices].sort((a, b) => a - b), children: [] }))
    .sort((a, b) => b.places.length - a.places.length);
  for (const cell of known) {
    if (cell.places.length === deviceCount) Object.assign(root, { level: cell.level, link: cell.link });
    else insert(root.children, cell);
  }
  addSingles(root);
  return root;
}
