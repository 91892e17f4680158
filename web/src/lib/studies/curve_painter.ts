// Draws learning curves on a canvas: all faintly, the best in colours of their own.
import { measure } from '../format';
import { curveX, curveY, type CurvesLayout, type DrawnCurve } from './curves';
import { roundNumbers } from './numbers';

export interface CurveLooks {
  faint: string;
  ink: string;
  soft: string;
  grid: string;
  leaders: readonly string[];
}

function stroke(onto: CanvasRenderingContext2D, { points }: DrawnCurve): void {
  onto.beginPath();
  let joined = false;
  for (let at = 0; at < points.length; at += 2) {
    const [x, y] = [points[at] as number, points[at + 1] as number];
    if (Number.isNaN(x)) {
      joined = false;
      continue;
    }
    if (joined) onto.lineTo(x, y);
    else onto.moveTo(x, y);
    joined = true;
  }
  onto.stroke();
  // A single report is a point.
  if (points.length === 2) onto.fillRect((points[0] as number) - 1.5, (points[1] as number) - 1.5, 3, 3);
}

function axes(onto: CanvasRenderingContext2D, at: CurvesLayout, looks: CurveLooks, xText: (value: number) => string): void {
  onto.font = '11px system-ui, sans-serif';
  onto.fillStyle = looks.soft;
  onto.strokeStyle = looks.grid;
  onto.lineWidth = 1;
  onto.textBaseline = 'middle';
  onto.textAlign = 'right';
  for (const value of roundNumbers(at.yLow, at.yHigh, 6)) {
    const y = Math.round(curveY(at, value)) + 0.5;
    onto.beginPath();
    onto.moveTo(at.left, y);
    onto.lineTo(at.right, y);
    onto.stroke();
    onto.fillText(measure(value), at.left - 6, y);
  }
  onto.textBaseline = 'top';
  for (const value of roundNumbers(at.xLow, at.xHigh, Math.max(2, Math.floor((at.right - at.left) / 90)))) {
    const x = curveX(at, value);
    onto.textAlign = x > at.right - 24 ? 'right' : 'center';
    onto.fillText(xText(value), Math.min(x, at.right), at.bottom + 8);
  }
}

export function paintCurves(canvas: HTMLCanvasElement, at: CurvesLayout, curves: readonly DrawnCurve[], leaders: readonly number[],
                            hovered: number | undefined, looks: CurveLooks, xText: (value: number) => string): void {
  const scale = Math.min(2, globalThis.devicePixelRatio || 1);
  canvas.width = Math.round(at.width * scale);
  canvas.height = Math.round(at.height * scale);
  canvas.style.width = `${at.width}px`;
  canvas.style.height = `${at.height}px`;
  const onto = canvas.getContext('2d') as CanvasRenderingContext2D;
  onto.scale(scale, scale);
  axes(onto, at, looks, xText);
  onto.lineJoin = 'round';
  onto.strokeStyle = onto.fillStyle = looks.faint;
  onto.globalAlpha = Math.min(0.6, Math.max(0.12, 5 / Math.sqrt(Math.max(1, curves.length))));
  onto.lineWidth = 1;
  for (const curve of curves) if (!leaders.includes(curve.trial)) stroke(onto, curve);
  onto.globalAlpha = 1;
  onto.lineWidth = 2;
  // The best on top.
  for (const trial of [...leaders].reverse()) {
    const curve = curves.find((one) => one.trial === trial);
    onto.strokeStyle = onto.fillStyle = looks.leaders[leaders.indexOf(trial)] ?? looks.ink;
    if (curve) stroke(onto, curve);
  }
  const under = curves.find((one) => one.trial === hovered);
  onto.strokeStyle = onto.fillStyle = looks.ink;
  onto.lineWidth = 2.5;
  if (under) stroke(onto, under);
}
