// A take in small: the body in the middle of it, as lines.

import { LINES, side } from "../ui/picture";

const WIDTH = 56;
const HEIGHT = 44;
const MARGIN = 4;

/** A picture of landmarks (x, y), null where one is not seen; empty where nobody is. */
export function thumbnail(
  figure: readonly (readonly [number, number] | null)[],
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const scale = Math.min(window.devicePixelRatio, 2);
  [canvas.width, canvas.height] = [WIDTH * scale, HEIGHT * scale];
  canvas.className = "thumbnail";
  canvas.setAttribute("aria-hidden", "true");
  const seen = figure.filter((p) => p !== null);
  const context = canvas.getContext("2d");
  if (!context || seen.length < 2) return canvas;
  const [xs, ys] = [seen.map(([x]) => x), seen.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [wide, high] = [Math.max(...xs) - left, Math.max(...ys) - top];
  const fit = Math.min((WIDTH - 2 * MARGIN) / (wide || 1), (HEIGHT - 2 * MARGIN) / (high || 1));
  context.scale(scale, scale);
  context.translate((WIDTH - fit * wide) / 2, (HEIGHT - fit * high) / 2);
  context.lineWidth = 1.6;
  context.lineCap = "round";
  for (const [a, b] of LINES) {
    const [from, to] = [figure[a], figure[b]];
    if (!from || !to) continue;
    context.strokeStyle = side(a === 0 ? b : a);
    context.beginPath();
    context.moveTo(fit * (from[0] - left), fit * (from[1] - top));
    context.lineTo(fit * (to[0] - left), fit * (to[1] - top));
    context.stroke();
  }
  return canvas;
}
