// The search for small people. Rules, tiles and windows are Python's, which wrote the golden file
// (tests/data/make_small_golden.py).

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import type { Crop } from "./crops";
import { boxOf, type PersonPoints } from "./people";
import { type Eyes, type Look, RULES, SmallPersonFinder, tilesOf, windowAround } from "./small";
import { TrackedBody } from "./window";

interface Golden {
  readonly rules: object;
  readonly tiles: readonly { readonly size: [number, number]; readonly tiles: number[][] }[];
  readonly size: [number, number];
  readonly people: readonly {
    readonly pixels: number[][];
    readonly windows: (number[] | null)[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../../tests/data/small_golden.json", import.meta.url)).toString(),
) as Golden;
const list = ({ x, y, side }: Crop): number[] => [x, y, side];

describe("the search for small people", () => {
  it("has Python's rules", () => {
    expect(RULES).toEqual(golden.rules);
  });

  it("has Python's tiles", () => {
    for (const { size, tiles } of golden.tiles) expect(tilesOf(...size).map(list)).toEqual(tiles);
  });

  it("has Python's windows", () => {
    let compared = 0;
    for (const { pixels, windows } of golden.people) {
      windows.forEach((wanted, i) => {
        const points = new Float32Array(pixels.flat());
        const made = windowAround(points, RULES.windows[i]![0], ...golden.size);
        expect(made === null).toBe(wanted === null);
        if (!made) return;
        compared++;
        // Halves may be rounded either way.
        list(made).forEach((n, k) => expect(Math.abs(n - wanted![k]!)).toBeLessThanOrEqual(1));
      });
    }
    expect(compared).toBeGreaterThan(8);
  });
});

/** A person 100 pixels tall with the feet at a place. */
function at(x: number, y = 400): PersonPoints {
  const points = new Float32Array(66);
  for (let i = 0; i < 33; i++)
    points.set([x + 10 * ((i % 3) - 1), y - 100 + (100 * i) / 32], 2 * i);
  return points;
}

/** Eyes on a picture with a thing that looks like a person, and counts of the looks. */
class Scene implements Eyes<Look> {
  readonly width = 1280;
  readonly height = 720;
  person: PersonPoints | null = at(700);
  /** Whether the mirrored window shows the thing too. */
  real = true;
  confidence = 0.95;
  tiles: Crop[] = [];
  firsts = 0;
  /** Milliseconds that have passed, and that a tile takes. */
  clock = 0;
  slow = 1;

  private in({ x, y, side }: Crop): Look | null {
    if (!this.person) return null;
    const box = boxOf(this.person);
    const inside =
      box.x >= x && box.y >= y && box.x + box.width <= x + side && box.y + box.height <= y + side;
    return inside ? { pixels: this.person, confidence: this.confidence } : null;
  }

  inTile(tile: Crop): Look | null {
    this.tiles.push(tile);
    this.clock += this.slow;
    return this.in(tile);
  }

  inWindow(window: Crop, mirrored: boolean): Look | null {
    return mirrored && !this.real ? null : this.in(window);
  }

  follow(window: Crop, _: unknown, first: boolean): Look | null {
    if (first) this.firsts++;
    return this.in(window);
  }
}

/** Shows pictures of a scene to a finder; returns whether a person was found in each. */
function watched(
  finder: SmallPersonFinder<Look>,
  scene: Scene,
  frames: number,
  from = 0,
): boolean[] {
  return Array.from({ length: frames }, (_, k) => finder.find(scene, (from + k) / 30) !== null);
}

const finderOf = (scene: Scene): SmallPersonFinder<Look> =>
  new SmallPersonFinder<Look>(() => scene.clock);

describe("SmallPersonFinder", () => {
  it("finds a person in a tile, from the third picture on, and follows them", () => {
    const scene = new Scene();
    const finder = finderOf(scene);
    const before = watched(finder, scene, 20);
    expect(before.lastIndexOf(false)).toBe(before.indexOf(true) - 1);
    expect(before.indexOf(true)).toBeGreaterThanOrEqual(2);
    const looked = scene.tiles.length;
    for (let k = 20; k < 80; k++) {
      scene.person = at(700 + 4 * (k - 20));
      expect(finder.find(scene, k / 30)?.pixels).toBe(scene.person);
    }
    expect(scene.tiles.length).toBe(looked);
    expect(scene.firsts).toBe(1);
  });

  it("looks at a few tiles of a picture, at one where they are slow", () => {
    for (const [slow, most] of [
      [1, RULES.tiles],
      [100, 1],
    ] as const) {
      const scene = new Scene();
      [scene.person, scene.slow] = [null, slow];
      const finder = finderOf(scene);
      const all = tilesOf(scene.width, scene.height).map(list);
      let count = 0;
      while (scene.tiles.length < all.length) {
        watched(finder, scene, 1, count / 100);
        expect(scene.tiles.length).toBeLessThanOrEqual(most * ++count);
      }
      expect(scene.tiles.map(list)).toEqual(all);
      // Then as many a second as Python looks at.
      const rate = RULES.tiles / RULES.searchEvery;
      watched(finder, scene, 60, count);
      expect(scene.tiles.length - all.length).toBeLessThanOrEqual(2 * rate + 1);
      expect(scene.tiles.length - all.length).toBeGreaterThan(0.6 * 2 * rate);
    }
  });

  it("takes neither furniture nor a large or doubtful person for a small one", () => {
    const scene = new Scene();
    scene.real = false;
    expect(watched(finderOf(scene), scene, 60)).not.toContain(true);
    [scene.real, scene.confidence] = [true, RULES.sure - 0.01];
    expect(watched(finderOf(scene), scene, 60)).not.toContain(true);
    scene.confidence = 0.95;
    scene.person = at(700).map((p, i) => (i % 2 ? 300 + 2 * (p - 300) : p));
    expect(watched(finderOf(scene), scene, 60)).not.toContain(true);
  });

  it("drops a person whom the finder of bodies no longer sees, or who is large elsewhere", () => {
    const scene = new Scene();
    const finder = finderOf(scene);
    expect(watched(finder, scene, 20).at(-1)).toBe(true);
    scene.inWindow = () => null; // a tree's trunk, which the tracker goes on with
    const after = watched(finder, scene, 40, 20);
    expect(after.indexOf(false)).toBeGreaterThan(0);
    expect(after.indexOf(false)).toBeLessThan(30 * (RULES.unconfirmed + RULES.lookEvery) + 2);
    const other = new Scene();
    const again = finderOf(other);
    expect(watched(again, other, 20).at(-1)).toBe(true);
    again.leave(20 / 30);
    const looked = other.tiles.length;
    expect(watched(again, other, 30, 20)).not.toContain(true);
    expect(other.tiles.length).toBe(looked);
    expect(watched(again, other, 30, 52).at(-1)).toBe(true);
  });
});

describe("TrackedBody", () => {
  it("moves on while it is lost, and begins with another window when the size changes", () => {
    const body = new TrackedBody(at(100), 0);
    expect(body.view(1280, 720)?.first).toBe(true);
    for (let k = 1; k <= 30; k++) {
      body.expect(k / 30);
      expect(body.view(1280, 720)?.first).toBe(false);
      body.update(at(100 + 10 * k), k / 30);
    }
    body.expect(31 / 30);
    body.update(null, 31 / 30);
    body.expect(41 / 30);
    expect(body.place[2]).toBeGreaterThan(450); // 10 of 11 pictures on
    expect(body.place[2]).toBeLessThan(515);
    body.update(
      at(500).map((p, i) => (i % 2 ? 400 + 2 * (p - 400) : p)),
      41 / 30,
    );
    const view = body.view(1280, 720);
    expect(view?.first).toBe(true);
    expect(view?.window.side).toBe(400);
  });
});
