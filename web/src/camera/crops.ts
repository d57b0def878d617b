// Where hands and a face are looked for around a detected body. mocap's Python detector has the
// same rules and gives the sources of the numbers.

/** A square of the picture, pixels. */
export interface Crop {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** A body's landmarks: (33, 2) pixels, (33, 3) metres. */
export interface BodyPoints {
  readonly pixels: Float32Array;
  readonly positions: Float32Array;
}

const TRUNK_AND_ARMS = [11, 12, 23, 24, 13, 14, 15, 16];
/** Wrist, index and little finger, left and right. */
const HANDS = [
  [15, 19, 17],
  [16, 20, 18],
] as const;
const HEAD = [0, 2, 5, 7, 8, 9, 10];
/** Sides of the crops, metres at the body; and of a face's, as a multiple of the head's radius. */
const HAND = 0.5;
const FACE = 0.45;
const OF_HEAD = 4.0;
/** The least part of a crop inside the picture; the farthest a face is from its crop's middle. */
const IN_PICTURE = 0.25;
const OWN = 0.3;
/** The vertical field of view that MediaPipe's face geometry assumes. */
const FOV = (63 * Math.PI) / 180;

function middle(points: Float32Array, stride: number, which: readonly number[]): [number, number] {
  let [x, y] = [0, 0];
  for (const i of which) {
    x += points[stride * i]! / which.length;
    y += points[stride * i + 1]! / which.length;
  }
  return [x, y];
}

function spread(points: Float32Array, stride: number, which: readonly number[]): number {
  const [x, y] = middle(points, stride, which);
  return Math.sqrt(
    which.reduce(
      (sum, i) => sum + (points[stride * i]! - x) ** 2 + (points[stride * i + 1]! - y) ** 2,
      0,
    ) / which.length,
  );
}

/** The size of a metre at the body, pixels. */
function pixelsPerMetre({ pixels, positions }: BodyPoints): number {
  return spread(pixels, 2, TRUNK_AND_ARMS) / Math.max(spread(positions, 3, TRUNK_AND_ARMS), 1e-9);
}

/** A square of the picture around a point; null if too little of it is inside. */
export function squareAround(
  [x, y]: readonly [number, number],
  size: number,
  width: number,
  height: number,
): Crop | null {
  const side = Math.max(Math.round(size), 16);
  const crop = { x: Math.round(x - 0.5 * side), y: Math.round(y - 0.5 * side), side };
  const across = Math.min(crop.x + side, width) - Math.max(crop.x, 0);
  const down = Math.min(crop.y + side, height) - Math.max(crop.y, 0);
  return Math.max(across, 0) * Math.max(down, 0) < IN_PICTURE * side * side ? null : crop;
}

/** The crop around the left (0) or right (1) wrist. */
export function aroundHand(
  body: BodyPoints,
  side: 0 | 1,
  width: number,
  height: number,
): Crop | null {
  return squareAround(
    middle(body.pixels, 2, HANDS[side]),
    HAND * pixelsPerMetre(body),
    width,
    height,
  );
}

export function aroundHead(body: BodyPoints, width: number, height: number): Crop | null {
  const centre = middle(body.pixels, 2, HEAD);
  const far = Math.max(
    ...HEAD.map((i) =>
      Math.hypot(body.pixels[2 * i]! - centre[0], body.pixels[2 * i + 1]! - centre[1]),
    ),
  );
  return squareAround(centre, Math.max(FACE * pixelsPerMetre(body), OF_HEAD * far), width, height);
}

/** Whether a face (points 0 to 1 over its crop) belongs to the head around which the crop is. */
export function isOwn(points: readonly { readonly x: number; readonly y: number }[]): boolean {
  const x = points.reduce((sum, p) => sum + p.x, 0) / points.length - 0.5;
  const y = points.reduce((sum, p) => sum + p.y, 0) / points.length - 0.5;
  return Math.hypot(x, y) <= OWN;
}

/**
 * A face's transform relative to the whole picture's camera, by rows, metres.
 *
 * @param columns The transform relative to the crop's camera, by columns, centimetres.
 */
export function inWholePicture(
  columns: readonly number[],
  crop: Crop,
  width: number,
  height: number,
): Float32Array {
  const out = new Float32Array(16);
  for (let row = 0; row < 4; row++)
    for (let column = 0; column < 4; column++) out[4 * row + column] = columns[4 * column + row]!;
  for (const row of [0, 1, 2]) out[4 * row + 3]! *= 0.01;
  const nearer = height / crop.side;
  const focal = (0.5 * height) / Math.tan(0.5 * FOV);
  const z = out[11]! * nearer;
  out[3]! -= ((crop.x + 0.5 * crop.side - 0.5 * width) * z) / focal;
  out[7]! += ((crop.y + 0.5 * crop.side - 0.5 * height) * z) / focal;
  out[11] = z;
  return out;
}
