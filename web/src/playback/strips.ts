// What the timeline's canvas shows: confidence, contacts, a joint's angles, the marks, the moment.

import { LEFT, RIGHT } from "../stage/colours";
import type { Clip } from "./clip";
import type { Transport } from "./transport";

/** Height of the strip of one contact, pixels. */
const LANE = 4;
const LANES = 4;
const AXES = ["#e5484d", "#2f9e57", "#3e7bfa"] as const;
const FONT = "12px system-ui, sans-serif";

/** The colours that the page's style gives. */
export interface Ink {
  readonly quiet: string;
  readonly backdrop: string;
  readonly accent: string;
}

export interface Strips {
  readonly clip: Clip;
  readonly transport: Transport;
  /** (F, 3) degrees of the chosen joint. */
  readonly curves: Float32Array | null;
}

type AtTime = (time: number) => number;

/** Draws the strips on a canvas of this size, in CSS pixels. */
export function drawStrips(
  pen: CanvasRenderingContext2D,
  { clip, transport, curves }: Strips,
  ink: Ink,
  width: number,
  height: number,
): void {
  const x: AtTime = (time) => (clip.duration > 0 ? (time / clip.duration) * width : 0);
  const floor = height - LANES * (LANE + 1);
  drawConfidence(pen, clip, x, floor, ink.quiet);
  drawContacts(pen, clip, x, floor);
  if (curves) drawAngles(pen, clip, curves, x, floor, ink.quiet);
  pen.fillStyle = ink.backdrop;
  pen.globalAlpha = 0.72;
  pen.fillRect(0, 0, x(transport.start), height);
  pen.fillRect(x(transport.end), 0, width, height);
  pen.globalAlpha = 1;
  pen.fillStyle = ink.accent;
  pen.fillRect(Math.min(Math.max(x(transport.time) - 1, 0), width - 2), 0, 2, height);
}

function drawConfidence(
  pen: CanvasRenderingContext2D,
  { timeline: { times, confidence }, duration }: Clip,
  x: AtTime,
  floor: number,
  colour: string,
): void {
  if (!confidence) return;
  pen.fillStyle = colour;
  pen.globalAlpha = 0.16;
  pen.beginPath();
  pen.moveTo(0, floor);
  confidence.forEach((c, i) => pen.lineTo(x(times[i]!), floor - c * floor));
  pen.lineTo(x(duration), floor);
  pen.fill();
  pen.globalAlpha = 1;
}

/** A lane for each of left heel, left toes, right heel and right toes. */
function drawContacts(
  pen: CanvasRenderingContext2D,
  { timeline: { times, contacts }, duration }: Clip,
  x: AtTime,
  floor: number,
): void {
  for (let lane = 0; lane < LANES; lane++) {
    pen.fillStyle = lane < 2 ? LEFT : RIGHT;
    for (let i = 0; i < contacts.length; i++) {
      if (!((contacts[i]! >> lane) & 1)) continue;
      let last = i;
      while (last + 1 < contacts.length && (contacts[last + 1]! >> lane) & 1) last++;
      const left = x(times[i]!);
      const right = x(times[last + 1] ?? duration);
      pen.fillRect(left, floor + 1 + lane * (LANE + 1), Math.max(1, right - left), LANE);
      i = last;
    }
  }
}

/** The three angles of a joint, on a scale of whole multiples of 45°, with 0 in the middle. */
function drawAngles(
  pen: CanvasRenderingContext2D,
  { timeline: { times }, duration }: Clip,
  curves: Float32Array,
  x: AtTime,
  floor: number,
  colour: string,
): void {
  const most = curves.reduce((m, c) => Math.max(m, Math.abs(c)), 1);
  const scale = Math.ceil(most / 45) * 45;
  const y = (degrees: number): number => floor * (0.5 - 0.48 * (degrees / scale));
  pen.fillStyle = colour;
  pen.globalAlpha = 0.35;
  pen.fillRect(0, y(0), x(duration), 1);
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5;
  AXES.forEach((axisColour, axis) => {
    pen.strokeStyle = axisColour;
    pen.beginPath();
    times.forEach((t, i) => pen.lineTo(x(t), y(curves[3 * i + axis]!)));
    pen.stroke();
  });
  pen.font = FONT;
  pen.fillText(`±${scale}°`, 4, 13);
  AXES.forEach((axisColour, axis) => {
    pen.fillStyle = axisColour;
    pen.fillText("xyz"[axis]!, 48 + 13 * axis, 13);
  });
}
