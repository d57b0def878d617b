// The body's detector in the browser: one person, the most prominent, or one of several.

import type { NormalizedLandmark, PoseLandmarker } from "@mediapipe/tasks-vision";

import { alone, isSame, leftToRight, type Points, Someone } from "./people";

type Landmark = Readonly<Record<"x" | "y" | "z", number>>;

export interface FoundBody {
  readonly points: readonly NormalizedLandmark[];
  readonly world: readonly Landmark[];
  readonly pixels: Points;
}

export class BodyDetector {
  private finder: PoseLandmarker | null = null;
  private readonly someone: Someone;
  private readonly canvas = new OffscreenCanvas(16, 16);
  private readonly context = this.canvas.getContext("2d", { willReadFrequently: true })!;

  /** finder: what looks for everybody in one picture. person: whom, counted from the left from 1; without it, the most prominent. */
  private constructor(
    private readonly pose: PoseLandmarker,
    private readonly makeFinder: () => Promise<PoseLandmarker>,
    person: number | null,
  ) {
    this.someone = new Someone(person ?? 1);
  }

  static async open(
    pose: PoseLandmarker,
    makeFinder: () => Promise<PoseLandmarker>,
    person: number | null,
  ): Promise<BodyDetector> {
    const detector = new BodyDetector(pose, makeFinder, person);
    if (person !== null) detector.finder = await makeFinder();
    return detector;
  }

  /** Another one from now on. */
  async next(): Promise<void> {
    this.finder ??= await this.makeFinder();
    this.someone.next();
  }

  /** time: milliseconds, rising. */
  detect(bitmap: ImageBitmap, time: number): FoundBody | null {
    const { width, height } = bitmap;
    let place = this.someone.place;
    let shown: ImageBitmap | OffscreenCanvas = bitmap;
    if (this.finder && !place) {
      const people = leftToRight(
        this.finder.detect(bitmap).landmarks.map((one) => inPixels(one, width, height)),
      );
      const who = this.someone.among(people, time / 1000);
      if (who === null) return null;
      place = people[who]!;
      // Whoever was followed is lost in a black picture.
      this.pose.detectForVideo(this.cleared(width, height), time - 1);
      shown = this.onlyOne(bitmap, people, who);
    }
    const found = this.find(shown, width, height, time);
    if (found && (!this.finder || isSame(found.pixels, place!))) {
      this.someone.seen(found.pixels, time / 1000);
      return found;
    }
    this.someone.lost();
    return null;
  }

  private find(
    picture: ImageBitmap | OffscreenCanvas,
    width: number,
    height: number,
    time: number,
  ): FoundBody | null {
    const { landmarks, worldLandmarks } = this.pose.detectForVideo(picture, time);
    const [points, world] = [landmarks[0], worldLandmarks[0]];
    return points && world ? { points, world, pixels: inPixels(points, width, height) } : null;
  }

  private cleared(width: number, height: number): OffscreenCanvas {
    [this.canvas.width, this.canvas.height] = [width, height];
    this.context.fillRect(0, 0, width, height);
    return this.canvas;
  }

  private onlyOne(bitmap: ImageBitmap, people: readonly Points[], who: number): OffscreenCanvas {
    const { own, others, trunk } = alone(people, who);
    this.cleared(bitmap.width, bitmap.height);
    const show = ({ x, y, width, height }: typeof own): void =>
      this.context.drawImage(bitmap, x, y, width, height, x, y, width, height);
    show(own);
    for (const { x, y, width, height } of others) this.context.fillRect(x, y, width, height);
    show(trunk);
    return this.canvas;
  }
}

function inPixels(landmarks: readonly NormalizedLandmark[], width: number, height: number): Points {
  return new Float32Array(landmarks.flatMap(({ x, y }) => [x * width, y * height]));
}
