// A small picture of a take: the body in the middle of the take, as lines.

import { LINES, sideOf } from "./landmarks";

const WIDTH = 56;
const HEIGHT = 44;
const MARGIN = 4;

/** A body's landmarks (x, y) in one unit; null for one that is not seen. */
export type Figure = readonly (readonly [number, number] | null)[];

/** Draws a figure to fill the thumbnail; an empty figure gives an empty picture. */
export function thumbnail(figure: Figure): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const scale = Math.min(window.devicePixelRatio, 2);
  [canvas.width, canvas.height] = [WIDTH * scale, HEIGHT * scale];
  canvas.className = "thumbnail";
  canvas.setAttribute("aria-hidden", "true");
  const seen = figure.filter((p) => p !== null);
  const pen = canvas.getContext("2d");
  if (!pen || seen.length < 2) return canvas;
  const [xs, ys] = [seen.map(([x]) => x), seen.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [wide, high] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const fit = Math.min((WIDTH - 2 * MARGIN) / (wide || 1), (HEIGHT - 2 * MARGIN) / (high || 1));
  pen.scale(scale, scale);
  pen.translate((WIDTH - fit * wide) / 2, (HEIGHT - fit * high) / 2);
  pen.lineWidth = 1.6;
  pen.lineCap = "round";
  for (const [a, b] of LINES) {
    const [from, to] = [figure[a], figure[b]];
    if (!from || !to) continue;
    pen.strokeStyle = sideOf(a === 0 ? b : a);
    pen.beginPath();
    pen.moveTo(fit * (from[0] - left), fit * (from[1] - top));
    pen.lineTo(fit * (to[0] - left), fit * (to[1] - top));
    pen.stroke();
  }
  return canvas;
}
