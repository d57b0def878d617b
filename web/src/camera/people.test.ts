import { describe, expect, it } from "vitest";

import { alone, isSame, leftToRight, type Points, Someone } from "./people";

/** Somebody 200 pixels tall about a place. */
function at(x: number, y = 200): Points {
  const points = new Float32Array(66);
  for (let i = 0; i < 33; i++)
    points.set([x + 10 * ((i % 3) - 1), y - 100 + (200 * i) / 32], 2 * i);
  return points;
}

describe("one of several people", () => {
  const people = leftToRight([at(500), at(100), at(300)]);

  it("is counted from the left", () => {
    expect(people.map((p) => p[2])).toEqual([100, 300, 500]);
    expect(new Someone(1).among(people, 0)).toBe(0);
    expect(new Someone(3).among(people, 0)).toBe(2);
    expect(new Someone(4).among(people, 0)).toBeNull();
    expect(new Someone(1).among([], 0)).toBeNull();
  });

  it("is found again where they were, the farther off the later", () => {
    const someone = new Someone(1);
    someone.seen(at(300), 1);
    expect(someone.place).not.toBeNull();
    someone.lost();
    expect(someone.place).toBeNull();
    expect(someone.among([at(100), at(350)], 1.1)).toBe(1);
    expect(someone.among([at(550)], 1.1)).toBeNull();
    expect(someone.among([at(550)], 2.1)).toBe(0);
  });

  it("gives way to the one to the right, and the last to the first", () => {
    const someone = new Someone(1);
    someone.seen(at(310), 1);
    someone.next();
    expect(someone.among([], 1.1)).toBeNull();
    expect(someone.among(people, 1.1)).toBe(2);
    someone.seen(at(490), 2);
    someone.next();
    expect(someone.among(people, 2.1)).toBe(0);
  });

  it("is waited for a moment, and stays the one that is wanted", () => {
    const someone = new Someone(1);
    someone.seen(at(100), 1);
    someone.next();
    expect(someone.among([at(110)], 1.1)).toBeNull();
    expect(someone.among([at(110), at(400)], 1.2)).toBe(1);
    someone.lost();
    expect(someone.among([at(110), at(400)], 1.3)).toBe(1);
    someone.seen(at(400), 1.4);
    someone.next();
    expect(someone.among([at(410)], 1.5)).toBeNull();
    expect(someone.among([at(410)], 2.1)).toBe(0);
  });

  it("is shown alone: all of them, nothing of the others' trunks", () => {
    const { own, others, trunk } = alone(people, 1);
    expect(own.x).toBeLessThan(290);
    expect(own.y).toBeLessThan(100);
    expect(own.x + own.width).toBeGreaterThan(310);
    expect(own.y + own.height).toBeGreaterThan(300);
    expect(others.map(({ x, width }) => x + width / 2)).toEqual([100, 500]);
    expect(trunk.x).toBeGreaterThanOrEqual(own.x);
    expect(isSame(people[0]!, people[1]!)).toBe(false);
  });
});
