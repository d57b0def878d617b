// MediaPipe's landmarkers as the eyes of the search for a small person.

import type { PoseLandmarker, PoseLandmarkerResult } from "@mediapipe/tasks-vision";

import type { DetectedBody } from "./body";
import type { Crop } from "./crops";
import { PartCanvas } from "./part";
import type { Box } from "./people";
import type { Eyes, Look } from "./small";

export type SmallBody = DetectedBody & Look;

/** What the search needs besides the detector of whole pictures. */
export interface SmallLandmarkers {
  /** Of single pictures. */
  readonly tiles: PoseLandmarker;
  /** Of a video. */
  readonly follower: PoseLandmarker;
}

/** Milliseconds between a follower's pictures, and between them and the black ones. */
const STEP = 33;

export class SmallPersonEyes implements Eyes<SmallBody> {
  private bitmap: ImageBitmap | null = null;
  private time = 0;
  private readonly part = new PartCanvas();

  /** @param once Looks at one picture by the detector of whole pictures, which then forgets it. */
  constructor(
    private readonly landmarkers: SmallLandmarkers,
    private readonly once: (picture: OffscreenCanvas) => PoseLandmarkerResult,
  ) {}

  /** Looks at a picture from now on. time: milliseconds, rising. */
  at(bitmap: ImageBitmap, time: number): this {
    this.bitmap = bitmap;
    this.time = Math.max(time, this.time + STEP);
    return this;
  }

  get width(): number {
    return this.bitmap!.width;
  }

  get height(): number {
    return this.bitmap!.height;
  }

  inTile(tile: Crop): Look | null {
    const shown = this.part.square(this.bitmap!, tile);
    return this.body(this.landmarkers.tiles.detect(shown), tile);
  }

  inWindow(window: Crop, mirrored: boolean): Look | null {
    return this.body(this.once(this.part.square(this.bitmap!, window, mirrored)), window, mirrored);
  }

  follow(window: Crop, shown: Box, first: boolean): SmallBody | null {
    const { follower } = this.landmarkers;
    // A black picture makes the follower forget the window before.
    if (first) follower.detectForVideo(this.part.black(window.side, window.side), this.time - 1);
    const picture = this.part.masked(this.bitmap!, window, shown);
    return this.body(follower.detectForVideo(picture, this.time), window);
  }

  /** The person of a result, with points of the whole picture. */
  private body(
    { landmarks, worldLandmarks }: PoseLandmarkerResult,
    { x, y, side }: Crop,
    mirrored = false,
  ): SmallBody | null {
    const [found, world] = [landmarks[0], worldLandmarks[0]];
    if (!found || !world) return null;
    const { width, height } = this;
    const pixels = new Float32Array(
      found.flatMap((p) => [x + (mirrored ? 1 - p.x : p.x) * side, y + p.y * side]),
    );
    const points = found.map((p, i) => ({
      ...p,
      x: pixels[2 * i]! / width,
      y: pixels[2 * i + 1]! / height,
    }));
    const confidence = found.reduce((sum, p) => sum + (p.visibility ?? 1), 0) / found.length;
    return { points, world, pixels, confidence };
  }
}
