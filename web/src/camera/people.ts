// Who of several people is followed; mocap/detect/people.py is the same in Python, and says where the numbers come from.

/** One person's landmarks: (33, 2) pixels. */
export type Points = Float32Array;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const MARGIN = 0.2;
const NEAR = 0.5;
const SPEED = 1;
const PATIENCE = 0.5;
/** Shoulders and hips. */
const TRUNK = [11, 12, 23, 24];
const ALL = Array.from({ length: 33 }, (_, i) => i);

function box(points: Points, which: readonly number[], margin = 0): Box {
  const [xs, ys] = [which.map((i) => points[2 * i]!), which.map((i) => points[2 * i + 1]!)];
  const [x, y] = [Math.min(...xs) - margin, Math.min(...ys) - margin];
  return { x, y, width: Math.max(...xs) + margin - x, height: Math.max(...ys) + margin - y };
}

/** The middle of the trunk. */
function middle(points: Points): readonly [number, number] {
  const mean = (axis: number): number =>
    TRUNK.reduce((sum, i) => sum + points[2 * i + axis]!, 0) / TRUNK.length;
  return [mean(0), mean(1)];
}

function between(a: Points, b: Points): number {
  const [[ax, ay], [bx, by]] = [middle(a), middle(b)];
  return Math.hypot(ax - bx, ay - by);
}

function size(points: Points): number {
  const { width, height } = box(points, ALL);
  return Math.max(width, height);
}

export function leftToRight(people: readonly Points[]): Points[] {
  return [...people].sort((a, b) => middle(a)[0] - middle(b)[0]);
}

/** Whether both may be of one person, so many seconds apart. */
export function isSame(points: Points, other: Points, seconds = 0): boolean {
  return between(points, other) <= size(other) * (NEAR + SPEED * seconds);
}

/** What of the picture is left to be seen of one of the people: first this, then without those, then with this again. */
export function alone(
  people: readonly Points[],
  who: number,
): { readonly own: Box; readonly others: readonly Box[]; readonly trunk: Box } {
  const one = people[who]!;
  const others = people.filter((_, i) => i !== who).map((other) => box(other, TRUNK));
  return { own: box(one, ALL, MARGIN * size(one)), others, trunk: box(one, TRUNK) };
}

/** One of several people: the number-th from the left when they are first seen; after a loss, whoever is where they were last. */
export class Someone {
  /** Where they are, while they are followed. */
  place: Points | null = null;
  private last: Points | null = null;
  private time = 0;
  private other = false;
  private asked: number | null = null;

  constructor(private readonly number = 1) {}

  /** From now on the one to the right; after the last, the first. */
  next(): void {
    this.place = null;
    this.other = true;
    this.asked = null;
  }

  /** They are followed. time: seconds. */
  seen(points: Points, time: number): void {
    this.place = this.last = points;
    this.time = time;
  }

  lost(): void {
    this.place = null;
  }

  /** Which of the people, from left to right, they are; null if they are not among them. */
  among(people: readonly Points[], time: number): number | null {
    if (people.length === 0) return null;
    const last = this.last;
    if (!last) {
      this.other = false; // there is nobody to leave for another one
      return this.number <= people.length ? this.number - 1 : null;
    }
    const far = people.map((person) => between(person, last));
    const nearest = far.indexOf(Math.min(...far));
    if (this.other) {
      this.asked ??= time;
      if (people.length === 1 && time - this.asked < PATIENCE) return null;
      this.other = false;
      const who = (nearest + 1) % people.length;
      this.last = people[who]!;
      this.time = time;
      return who;
    }
    return isSame(people[nearest]!, last, Math.max(0, time - this.time)) ? nearest : null;
  }
}
