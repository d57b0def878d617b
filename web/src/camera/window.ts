// One person in a window of the picture that moves with them; as Python's window.py, which gives
// the sources of the numbers.

import { type Crop, squareAround } from "./crops";
import { type Box, boxOf, MARGIN, middleOf, type PersonPoints, sizeOf } from "./people";

/** Side of the window, in sizes of the person. */
export const WINDOW = 2;
/** The person may grow or shrink by this factor until the tracker begins with another window. */
const RESIZED = 1.6;
/** Seconds over which the velocity is averaged. */
const STEADY = 0.2;

/** What a tracker is shown. */
export interface View {
  readonly window: Crop;
  /** The part of the picture that is not black. */
  readonly shown: Box;
  /** Whether the tracker has to forget the window before. */
  readonly first: boolean;
}

export class TrackedBody {
  private velocity: readonly [number, number] = [0, 0];
  private looked: number;
  private size: number;
  private first = true;
  private lost = false;

  /**
   * @param place The last landmarks, pixels; those of a lost person move on as before.
   * @param seen When the person was last seen, seconds.
   */
  constructor(
    public place: PersonPoints,
    public seen: number,
  ) {
    this.looked = seen;
    this.size = sizeOf(place);
  }

  /** Moves a lost person to where their motion takes them by a time, seconds. */
  expect(time: number): void {
    const step = time - this.looked;
    this.looked = time;
    if (this.lost)
      this.place = this.place.map((p, i) => p + this.velocity[(i % 2) as 0 | 1] * step);
  }

  /** What the tracker is shown of a picture; null if too little of the window is inside. */
  view(width: number, height: number): View | null {
    const now = sizeOf(this.place);
    if (now <= this.size / RESIZED || now >= this.size * RESIZED) {
      this.size = now;
      this.first = true;
    }
    const { x, y, width: across, height: down } = boxOf(this.place);
    const centre = [x + 0.5 * across, y + 0.5 * down] as const;
    const window = squareAround(centre, WINDOW * this.size, width, height);
    if (!window) return null;
    const { first } = this;
    this.first = false;
    return { window, shown: boxOf(this.place, MARGIN * this.size), first };
  }

  /** Takes the person's new landmarks, pixels; null if they are lost. */
  update(points: PersonPoints | null, time: number): void {
    this.lost = points === null;
    if (!points) return;
    const step = Math.max(time - this.seen, 1e-3);
    const share = 1 - Math.exp(-step / STEADY);
    const [before, now] = [middleOf(this.place), middleOf(points)];
    const [vx, vy] = this.velocity;
    this.velocity = [
      vx + share * ((now[0] - before[0]) / step - vx),
      vy + share * ((now[1] - before[1]) / step - vy),
    ];
    this.place = points;
    this.seen = time;
  }
}
