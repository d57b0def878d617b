// A person too small for a whole picture: found in tiles, then followed in a window. mocap's Python
// detector has the same rules and gives the sources of the numbers (small.py, window.py).

import { type Crop, squareAround } from "./crops";
import { type Box, boxOf, isSame, type PersonPoints, sizeOf } from "./people";
import { TrackedBody, WINDOW } from "./window";

/** Python's constants, which the golden file of the tests holds too. */
export const RULES = {
  /** Confidence of a find in a tile, and of the looks at it in windows of its own. */
  confidence: 0.4,
  checked: 0.65,
  /** Those windows: the side in sizes of the person, and whether it is mirrored. */
  windows: [
    [WINDOW, false],
    [1.7, true],
  ] as readonly (readonly [number, boolean])[],
  /** Least mean confidence of a person's landmarks there. */
  sure: 0.7,
  /** Greatest size of a find, as a part of the picture's shorter side. */
  small: 0.25,
  /** Pictures in which a person must be seen, one after another, to count. */
  confirmed: 3,
  /** Tiles of a search, and seconds between searches once all tiles have been looked at. */
  tiles: 4,
  searchEvery: 0.2,
  /** Seconds between looks at the window of the followed person, and without their agreement. */
  lookEvery: 0.2,
  unconfirmed: 0.5,
  /** Seconds for which a lost person is looked for. */
  patience: 1,
} as const;

/** Milliseconds that tiles may take of a picture's time: the page shows pictures meanwhile. */
const BUDGET = 30;

/** A person as a look at a part of the picture shows them, in pixels of the whole picture. */
export interface Look {
  readonly pixels: PersonPoints;
  /** Mean over the landmarks. */
  readonly confidence: number;
}

/** How parts of the current picture are looked at; B is what a followed person becomes. */
export interface Eyes<B extends Look> {
  readonly width: number;
  readonly height: number;
  /** Looks for a person of RULES.confidence in a tile. */
  inTile(tile: Crop): Look | null;
  /** Looks for a person of RULES.checked in a window, with no memory of the pictures before. */
  inWindow(window: Crop, mirrored: boolean): Look | null;
  /** Follows the person in a window that shows only a box of the picture; at first from scratch. */
  follow(window: Crop, shown: Box, first: boolean): B | null;
}

/**
 * Square tiles of a third of the picture's shorter side. Neighbours overlap by half, and the tiles
 * nearest to the middle come first.
 */
export function tilesOf(width: number, height: number): Crop[] {
  const side = Math.max(Math.floor(Math.min(width, height) / 3), 1);
  const starts = (length: number): number[] => {
    const count = Math.ceil((2 * length) / side) - 1;
    return Array.from({ length: count }, (_, i) =>
      Math.floor(i === count - 1 ? length - side : i * ((length - side) / (count - 1))),
    );
  };
  const away = ({ x, y }: Crop): number =>
    (x + 0.5 * (side - width)) ** 2 + (y + 0.5 * (side - height)) ** 2;
  return starts(height)
    .flatMap((y) => starts(width).map((x) => ({ x, y, side })))
    .sort((a, b) => away(a) - away(b));
}

/** Finds and follows one person who is too small for MediaPipe's view of a whole picture. */
export class SmallPersonFinder<B extends Look> {
  private body: TrackedBody | null = null;
  private next = 0;
  private firstRound = true;
  private looked = -Infinity;
  private elsewhere = -Infinity;
  private agreed = -Infinity;
  /** Pictures in which the person was seen. */
  private seen = 0;

  /** @param now Milliseconds that pass, for the budget. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * The followed person; where there is none, one is looked for in tiles of the picture. The whole
   * picture shows no person. time: seconds.
   */
  find(eyes: Eyes<B>, time: number): B | null {
    if (!this.body && time - this.elsewhere > RULES.patience) this.search(eyes, time);
    const found = this.follow(eyes, time);
    return this.seen >= RULES.confirmed ? found : null;
  }

  /** The whole picture shows a person at a time, seconds: the followed one is dropped. */
  leave(time: number): void {
    this.drop();
    this.elsewhere = time;
  }

  /** Forgets everything: another person is wanted. */
  restart(): void {
    this.drop();
    [this.next, this.firstRound] = [0, true];
    this.looked = this.elsewhere = -Infinity;
  }

  private drop(): void {
    this.body = null;
    this.seen = 0;
  }

  private follow(eyes: Eyes<B>, time: number): B | null {
    const { body } = this;
    if (!body) return null;
    body.expect(time);
    const view = body.view(eyes.width, eyes.height);
    const seen = view && eyes.follow(view.window, view.shown, view.first);
    const found = seen && isSame(seen.pixels, body.place) ? seen : null;
    body.update(found?.pixels ?? null, time);
    if (found) this.seen++;
    if (found && time - this.looked >= RULES.lookEvery) {
      this.looked = time;
      if (RULES.windows.some((window) => agrees(eyes, found.pixels, window))) this.agreed = time;
    }
    const lost = time - body.seen > RULES.patience || time - this.agreed > RULES.unconfirmed;
    if (!lost && (found || this.seen >= RULES.confirmed)) return found;
    this.drop();
    return null;
  }

  /** Looks for a person in the next tiles and begins to follow them. */
  private search(eyes: Eyes<B>, time: number): void {
    // Later tiles come one by one, at the same rate as Python's.
    if (!this.firstRound && time - this.looked < RULES.searchEvery / RULES.tiles) return;
    this.looked = time;
    const tiles = tilesOf(eyes.width, eyes.height);
    const begun = this.now();
    for (let k = 0; k < (this.firstRound ? RULES.tiles : 1); k++) {
      if (k > 0 && this.now() - begun > BUDGET) return;
      const points = inTile(eyes, tiles[this.next % tiles.length]!);
      this.next = (this.next + 1) % tiles.length;
      this.firstRound &&= this.next > 0;
      if (points && sizeOf(points) < RULES.small * Math.min(eyes.width, eyes.height)) {
        this.body = new TrackedBody(points, time);
        this.agreed = time;
        return;
      }
    }
  }
}

/** A person in a tile, as looks at the person's own windows confirm it. */
function inTile(eyes: Eyes<Look>, tile: Crop): PersonPoints | null {
  const rough = eyes.inTile(tile);
  const found = rough && near(eyes, rough.pixels, RULES.windows[0]!);
  return found && agrees(eyes, found, RULES.windows[1]!) ? found : null;
}

type Window = (typeof RULES.windows)[number];

function agrees(eyes: Eyes<Look>, points: PersonPoints, window: Window): boolean {
  const found = near(eyes, points, window);
  return found !== null && isSame(found, points);
}

/** The person in a window around landmarks. */
function near(
  eyes: Eyes<Look>,
  points: PersonPoints,
  [size, mirrored]: Window,
): PersonPoints | null {
  const window = windowAround(points, size, eyes.width, eyes.height);
  const look = window && eyes.inWindow(window, mirrored);
  return look && look.confidence >= RULES.sure ? look.pixels : null;
}

/** A window around landmarks, with a side in sizes of the person; null if too little is inside. */
export function windowAround(
  points: PersonPoints,
  size: number,
  width: number,
  height: number,
): Crop | null {
  const { x, y, width: across, height: down } = boxOf(points);
  return squareAround([x + 0.5 * across, y + 0.5 * down], size * sizeOf(points), width, height);
}
