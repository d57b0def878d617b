// The body detector in the browser: one person, the most prominent or one of several.

import type { NormalizedLandmark, PoseLandmarker } from "@mediapipe/tasks-vision";

import { type SmallBody, type SmallLandmarkers, SmallPersonEyes } from "./eyes";
import type { PicturePoint } from "./messages";
import { PartCanvas } from "./part";
import { FollowedPerson, isolate, isSame, leftToRight, type PersonPoints } from "./people";
import { RULES, SmallPersonFinder } from "./small";

type Landmark = Readonly<Record<"x" | "y" | "z", number>>;

export interface DetectedBody {
  /** (33) of the picture, 0 to 1. */
  readonly points: readonly NormalizedLandmark[];
  /** (33) metres, in MediaPipe's axes. */
  readonly world: readonly Landmark[];
  readonly pixels: PersonPoints;
}

/** How the detectors are made that only some pictures need. */
export interface Makers {
  /** Of all people in one picture. */
  readonly finder: () => Promise<PoseLandmarker>;
  /** Of a person who is small in the picture. */
  readonly small: () => Promise<SmallLandmarkers>;
}

export class BodyDetector {
  private finder: PoseLandmarker | null = null;
  private readonly person: FollowedPerson;
  private picked: PicturePoint | null = null;
  private readonly part = new PartCanvas();
  private readonly small = new SmallPersonFinder<SmallBody>();
  private eyes: SmallPersonEyes | null = null;
  /** Pictures in a row without a person, until `small` is asked for. */
  private missed = 0;
  private asked = false;
  /** MediaPipe's time, milliseconds. */
  private clock = 0;

  /**
   * @param pose Detects one person in a video.
   * @param make Called when a detector is needed.
   * @param person Which person, counted from the left from 1; null for the most prominent.
   */
  private constructor(
    private readonly pose: PoseLandmarker,
    private readonly make: Makers,
    person: number | null,
  ) {
    this.person = new FollowedPerson(person ?? 1);
  }

  static async open(
    pose: PoseLandmarker,
    make: Makers,
    person: number | null,
  ): Promise<BodyDetector> {
    const detector = new BodyDetector(pose, make, person);
    if (person !== null) detector.finder = await make.finder();
    return detector;
  }

  /** Follows the person at a point of the picture, or the next person. */
  async follow(at: PicturePoint | null): Promise<void> {
    this.finder ??= await this.make.finder();
    this.small.restart();
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
      this.forget(width, height);
      shown = this.isolated(bitmap, people, which);
    }
    const found = this.find(shown, width, height, time);
    if (!this.finder) return this.alone(found, bitmap, time);
    if (found && isSame(found.pixels, place!)) {
      this.person.seen(found.pixels, time / 1000);
      return found;
    }
    this.person.lost();
    return null;
  }

  /** The most prominent person, who may be small. */
  private alone(
    found: DetectedBody | null,
    bitmap: ImageBitmap,
    time: number,
  ): DetectedBody | null {
    const seconds = time / 1000;
    if (found) {
      this.missed = 0;
      this.small.leave(seconds);
    }
    const person = found ?? this.far(bitmap, time);
    if (person) this.person.seen(person.pixels, seconds);
    else this.person.lost();
    return person;
  }

  /** A person who is small in the picture; null while the detectors of such people are loaded. */
  private far(bitmap: ImageBitmap, time: number): DetectedBody | null {
    if (this.eyes) return this.small.find(this.eyes.at(bitmap, time), time / 1000);
    // Where there is no memory for more detectors, people have to be larger.
    if (!this.asked && ++this.missed === RULES.confirmed) {
      this.asked = true;
      this.openEyes().catch(() => undefined);
    }
    return null;
  }

  private async openEyes(): Promise<void> {
    const landmarkers = await this.make.small();
    this.eyes = new SmallPersonEyes(landmarkers, (picture) => {
      const seen = this.pose.detectForVideo(picture, this.tick(0));
      this.forget(picture.width, picture.height);
      return seen;
    });
  }

  /** MediaPipe's next time, milliseconds: of a picture, or just after the last one. */
  private tick(time: number): number {
    this.clock = Math.max(time, this.clock + 1);
    return this.clock;
  }

  /** Shows the video detector a black picture, which makes it forget the person before. */
  private forget(width: number, height: number): void {
    this.pose.detectForVideo(this.part.black(width, height), this.tick(0));
  }

  private find(
    picture: ImageBitmap | OffscreenCanvas,
    width: number,
    height: number,
    time: number,
  ): DetectedBody | null {
    const { landmarks, worldLandmarks } = this.pose.detectForVideo(picture, this.tick(time));
    const [points, world] = [landmarks[0], worldLandmarks[0]];
    return points && world ? { points, world, pixels: inPixels(points, width, height) } : null;
  }

  private isolated(bitmap: ImageBitmap, people: readonly PersonPoints[], which: number) {
    const { own, others, trunk } = isolate(people, which);
    const { pen, canvas } = this.part;
    this.part.black(bitmap.width, bitmap.height);
    const show = ({ x, y, width, height }: typeof own): void =>
      pen.drawImage(bitmap, x, y, width, height, x, y, width, height);
    show(own);
    for (const { x, y, width, height } of others) pen.fillRect(x, y, width, height);
    show(trunk);
    return canvas;
  }
}

function inPixels(
  landmarks: readonly NormalizedLandmark[],
  width: number,
  height: number,
): PersonPoints {
  return new Float32Array(landmarks.flatMap(({ x, y }) => [x * width, y * height]));
}
