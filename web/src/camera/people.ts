// Which of several people is followed. mocap's Python detector has the same rules and gives the
// sources of the numbers (people.py).

/** One person's landmarks: (33, 2) pixels. */
export type PersonPoints = Float32Array;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Margin around a person, as a part of their size. */
export const MARGIN = 0.2;
/** Greatest movement of one person, in body sizes: at once, and per second. */
const NEAR = 0.5;
const SPEED = 1;
/** Seconds to wait for a second person when another one is wanted. */
const PATIENCE = 0.5;
/** Shoulders and hips. */
const TRUNK = [11, 12, 23, 24];
const ALL = Array.from({ length: 33 }, (_, i) => i);

/** The box of all landmarks, or of some. */
export function boxOf(points: PersonPoints, margin = 0, which: readonly number[] = ALL): Box {
  const xs = which.map((i) => points[2 * i]!);
  const ys = which.map((i) => points[2 * i + 1]!);
  const [x, y] = [Math.min(...xs) - margin, Math.min(...ys) - margin];
  return { x, y, width: Math.max(...xs) + margin - x, height: Math.max(...ys) + margin - y };
}

/** The middle of the trunk, pixels. */
export function middleOf(points: PersonPoints): readonly [number, number] {
  const mean = (axis: number): number =>
    TRUNK.reduce((sum, i) => sum + points[2 * i + axis]!, 0) / TRUNK.length;
  return [mean(0), mean(1)];
}

function distance([ax, ay]: readonly [number, number], [bx, by]: readonly [number, number]) {
  return Math.hypot(ax - bx, ay - by);
}

const apart = (a: PersonPoints, b: PersonPoints): number => distance(middleOf(a), middleOf(b));

/** The larger side of the landmarks' box. */
export function sizeOf(points: PersonPoints): number {
  const { width, height } = boxOf(points);
  return Math.max(width, height);
}

const indexOfLeast = (values: readonly number[]): number => values.indexOf(Math.min(...values));

export function leftToRight(people: readonly PersonPoints[]): PersonPoints[] {
  return [...people].sort((a, b) => middleOf(a)[0] - middleOf(b)[0]);
}

/** Whether both may be the same person, so many seconds apart. */
export function isSame(points: PersonPoints, other: PersonPoints, seconds = 0): boolean {
  return apart(points, other) <= sizeOf(other) * (NEAR + SPEED * seconds);
}

/** The parts of a picture that show one of several people. */
export interface Isolation {
  /** Drawn first. */
  readonly own: Box;
  /** Blackened after that. */
  readonly others: readonly Box[];
  /** Drawn again. */
  readonly trunk: Box;
}

/** How to isolate one of the people. */
export function isolate(people: readonly PersonPoints[], which: number): Isolation {
  const one = people[which]!;
  const others = people.filter((_, i) => i !== which).map((other) => boxOf(other, 0, TRUNK));
  return { own: boxOf(one, MARGIN * sizeOf(one)), others, trunk: boxOf(one, 0, TRUNK) };
}

/**
 * The person who is followed: at first the `number`-th from the left; after a loss, the one at the
 * last place.
 */
export class FollowedPerson {
  /** Where the person is; null while lost. */
  place: PersonPoints | null = null;
  private last: PersonPoints | null = null;
  private time = 0;
  private wantsNext = false;
  private picked: readonly [number, number] | null = null;
  private asked: number | null = null;

  constructor(private readonly number = 1) {}

  /** Follow the next person to the right; after the last one, the first. */
  next(): void {
    this.place = null;
    this.wantsNext = true;
    this.asked = null;
  }

  /** Follow the person nearest to a point, pixels. */
  pick(at: readonly [number, number]): void {
    this.place = null;
    this.picked = at;
  }

  /** The person was seen. time: seconds. */
  seen(points: PersonPoints, time: number): void {
    this.place = this.last = points;
    this.time = time;
  }

  lost(): void {
    this.place = null;
  }

  /** The index of the person among people from left to right; null if the person is not there. */
  among(people: readonly PersonPoints[], time: number): number | null {
    if (people.length === 0) return null;
    if (this.picked) {
      const at = this.picked;
      this.picked = null;
      return this.choose(people, indexOfLeast(people.map((p) => distance(middleOf(p), at))), time);
    }
    const last = this.last;
    if (!last) {
      this.wantsNext = false; // no person was followed, so there is no next one
      return this.number <= people.length ? this.number - 1 : null;
    }
    const nearest = indexOfLeast(people.map((person) => apart(person, last)));
    if (this.wantsNext) {
      this.asked ??= time;
      if (people.length === 1 && time - this.asked < PATIENCE) return null;
      return this.choose(people, (nearest + 1) % people.length, time);
    }
    return isSame(people[nearest]!, last, Math.max(0, time - this.time)) ? nearest : null;
  }

  private choose(people: readonly PersonPoints[], which: number, time: number): number {
    this.wantsNext = false;
    this.last = people[which]!;
    this.time = time;
    return which;
  }
}
