// The 33 landmarks of the body and 21 of each hand, drawn over a picture.

import { LEFT, MIDDLE, RIGHT } from "../stage/colours";

// biome-ignore format: one chain of landmarks a line
/** The lines between landmarks, by index: BlazePose's POSE_CONNECTIONS without the inner face. */
export const LINES: readonly (readonly [number, number])[] = [
  [0, 2], [2, 7], [0, 5], [5, 8], [9, 10],
  [11, 12], [11, 23], [12, 24], [23, 24],
  [11, 13], [13, 15], [15, 17], [17, 19], [19, 15], [15, 21],
  [12, 14], [14, 16], [16, 18], [18, 20], [20, 16], [16, 22],
  [23, 25], [25, 27], [27, 29], [29, 31], [31, 27],
  [24, 26], [26, 28], [28, 30], [30, 32], [32, 28],
];

export const BODY = 33;
export const HAND = 21;

/** Landmarks below this confidence are not drawn; from here to 1 they gain in opacity. */
const UNSURE = 0.2;

/** The colour of a landmark's side. Left are 1 to 3 and the odd ones from 7 on; 0 is the nose. */
export function sideOf(landmark: number): string {
  if (landmark === 0) return MIDDLE;
  if (landmark < 7) return landmark < 4 ? LEFT : RIGHT;
  return landmark % 2 ? LEFT : RIGHT;
}

/**
 * Draws landmarks on a canvas of this size.
 *
 * @param image (n, 2) 0 to 1 over the picture, y down; NaN where not seen.
 * @param confidence (n,) 0 to 1.
 */
export function drawLandmarks(
  pen: CanvasRenderingContext2D,
  image: Float32Array,
  confidence: Float32Array,
  width: number,
  height: number,
): void {
  const thick = Math.max(1.5, Math.min(width, height) / 130);
  const seen = (i: number): boolean => !Number.isNaN(image[2 * i]!);
  const strength = (i: number): number =>
    seen(i) ? Math.max(0, (confidence[i]! - UNSURE) / (1 - UNSURE)) : 0;
  const at = (i: number): [number, number] => [image[2 * i]! * width, image[2 * i + 1]! * height];
  const dot = (i: number, radius: number, colour: string): void => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(...at(i), radius, 0, 2 * Math.PI);
    pen.fill();
  };
  pen.lineCap = "round";
  pen.lineWidth = thick;
  for (const [a, b] of LINES) {
    const sure = Math.min(strength(a), strength(b));
    if (sure <= 0) continue;
    pen.globalAlpha = 0.35 + 0.65 * sure;
    pen.strokeStyle = sideOf(a) === sideOf(b) ? sideOf(a) : MIDDLE;
    pen.beginPath();
    pen.moveTo(...at(a));
    pen.lineTo(...at(b));
    pen.stroke();
  }
  pen.globalAlpha = 1;
  for (let i = BODY; i < confidence.length; i++) {
    if (seen(i)) dot(i, 0.6 * thick, i < BODY + HAND ? LEFT : RIGHT);
  }
  for (let i = 0; i < BODY; i++) {
    const sure = strength(i);
    if (sure <= 0) continue;
    pen.globalAlpha = 0.35 + 0.65 * sure;
    dot(i, 1.35 * thick, sideOf(i));
  }
  pen.globalAlpha = 1;
}
