// The body detector in the browser: one person, the most prominent or one of several.

import type { NormalizedLandmark, PoseLandmarker } from "@mediapipe/tasks-vision";

import type { PicturePoint } from "./messages";
import { FollowedPerson, isolate, isSame, leftToRight, type PersonPoints } from "./people";

type Landmark = Readonly<Record<"x" | "y" | "z", number>>;

export interface DetectedBody {
  /** (33) of the picture, 0 to 1. */
  readonly points: readonly NormalizedLandmark[];
  /** (33) metres, in MediaPipe's axes. */
  readonly world: readonly Landmark[];
  readonly pixels: PersonPoints;
}

export class BodyDetector {
  private finder: PoseLandmarker | null = null;
  private readonly person: FollowedPerson;
  private picked: PicturePoint | null = null;
  private readonly canvas = new OffscreenCanvas(16, 16);
  private readonly pen = this.canvas.getContext("2d", { willReadFrequently: true })!;

  /**
   * @param pose Detects one person in a video.
   * @param makeFinder Makes a detector of all people in one picture; called when it is needed.
   * @param person Which person, counted from the left from 1; null for the most prominent.
   */
  private constructor(
    private readonly pose: PoseLandmarker,
    private readonly makeFinder: () => Promise<PoseLandmarker>,
    person: number | null,
  ) {
    this.person = new FollowedPerson(person ?? 1);
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

  /** Follows the person at a point of the picture, or the next person. */
  async follow(at: PicturePoint | null): Promise<void> {
    this.finder ??= await this.makeFinder();
    if (at) this.picked = at;
    else this.person.next();
  }

  /** Detects the followed person. time: milliseconds, rising. */
  detect(bitmap: ImageBitmap, time: number): DetectedBody | null {
    const { width, height } = bitmap;
    if (this.picked) {
      this.person.pick([this.picked[0] * width, this.picked[1] * height]);
      this.picked = null;
    }
    let { place } = this.person;
    let shown: ImageBitmap | OffscreenCanvas = bitmap;
    if (this.finder && !place) {
      const { landmarks } = this.finder.detect(bitmap);
      const people = leftToRight(landmarks.map((one) => inPixels(one, width, height)));
      const which = this.person.among(people, time / 1000);
      if (which === null) return null;
      place = people[which]!;
      // A black picture makes the video detector forget the person before.
      this.pose.detectForVideo(this.blackened(width, height), time - 1);
      shown = this.isolated(bitmap, people, which);
    }
    const found = this.find(shown, width, height, time);
    if (found && (!this.finder || isSame(found.pixels, place!))) {
      this.person.seen(found.pixels, time / 1000);
      return found;
    }
    this.person.lost();
    return null;
  }

  private find(
    picture: ImageBitmap | OffscreenCanvas,
    width: number,
    height: number,
    time: number,
  ): DetectedBody | null {
    const { landmarks, worldLandmarks } = this.pose.detectForVideo(picture, time);
    const [points, world] = [landmarks[0], worldLandmarks[0]];
    return points && world ? { points, world, pixels: inPixels(points, width, height) } : null;
  }

  private blackened(width: number, height: number): OffscreenCanvas {
    [this.canvas.width, this.canvas.height] = [width, height];
    this.pen.fillRect(0, 0, width, height);
    return this.canvas;
  }

  private isolated(bitmap: ImageBitmap, people: readonly PersonPoints[], which: number) {
    const { own, others, trunk } = isolate(people, which);
    this.blackened(bitmap.width, bitmap.height);
    const show = ({ x, y, width, height }: typeof own): void =>
      this.pen.drawImage(bitmap, x, y, width, height, x, y, width, height);
    show(own);
    for (const { x, y, width, height } of others) this.pen.fillRect(x, y, width, height);
    show(trunk);
    return this.canvas;
  }
}

function inPixels(
  landmarks: readonly NormalizedLandmark[],
  width: number,
  height: number,
): PersonPoints {
  return new Float32Array(landmarks.flatMap(({ x, y }) => [x * width, y * height]));
}
