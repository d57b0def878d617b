import { describe, expect, it } from "vitest";

import { FollowedPerson, isolate, isSame, leftToRight, type PersonPoints } from "./people";

/** A person 200 pixels tall around a place. */
function at(x: number, y = 200): PersonPoints {
  const points = new Float32Array(66);
  for (let i = 0; i < 33; i++)
    points.set([x + 10 * ((i % 3) - 1), y - 100 + (200 * i) / 32], 2 * i);
  return points;
}

describe("FollowedPerson", () => {
  const people = leftToRight([at(500), at(100), at(300)]);

  it("is counted from the left", () => {
    expect(people.map((p) => p[2])).toEqual([100, 300, 500]);
    expect(new FollowedPerson(1).among(people, 0)).toBe(0);
    expect(new FollowedPerson(3).among(people, 0)).toBe(2);
    expect(new FollowedPerson(4).among(people, 0)).toBeNull();
    expect(new FollowedPerson(1).among([], 0)).toBeNull();
  });

  it("is found again near the last place, farther away after a longer time", () => {
    const person = new FollowedPerson(1);
    person.seen(at(300), 1);
    expect(person.place).not.toBeNull();
    person.lost();
    expect(person.place).toBeNull();
    expect(person.among([at(100), at(350)], 1.1)).toBe(1);
    expect(person.among([at(550)], 1.1)).toBeNull();
    expect(person.among([at(550)], 2.1)).toBe(0);
  });

  it("changes to the next to the right, and from the last to the first", () => {
    const person = new FollowedPerson(1);
    person.seen(at(310), 1);
    person.next();
    expect(person.among([], 1.1)).toBeNull();
    expect(person.among(people, 1.1)).toBe(2);
    person.seen(at(490), 2);
    person.next();
    expect(person.among(people, 2.1)).toBe(0);
  });

  it("waits a moment for the next person, who is kept after a loss", () => {
    const person = new FollowedPerson(1);
    person.seen(at(100), 1);
    person.next();
    expect(person.among([at(110)], 1.1)).toBeNull();
    expect(person.among([at(110), at(400)], 1.2)).toBe(1);
    person.lost();
    expect(person.among([at(110), at(400)], 1.3)).toBe(1);
    person.seen(at(400), 1.4);
    person.next();
    expect(person.among([at(410)], 1.5)).toBeNull();
    expect(person.among([at(410)], 2.1)).toBe(0);
  });

  it("is isolated: its whole box without the trunks of others", () => {
    const { own, others, trunk } = isolate(people, 1);
    expect(own.x).toBeLessThan(290);
    expect(own.y).toBeLessThan(100);
    expect(own.x + own.width).toBeGreaterThan(310);
    expect(own.y + own.height).toBeGreaterThan(300);
    expect(others.map(({ x, width }) => x + width / 2)).toEqual([100, 500]);
    expect(trunk.x).toBeGreaterThanOrEqual(own.x);
    expect(isSame(people[0]!, people[1]!)).toBe(false);
  });

  it("changes to the person nearest to a point, at any distance", () => {
    const person = new FollowedPerson(1);
    person.seen(at(100), 1);
    person.pick([480, 200]);
    expect(person.place).toBeNull();
    expect(person.among([], 1.1)).toBeNull();
    expect(person.among(people, 1.2)).toBe(2);
    person.lost();
    expect(person.among(people, 1.3)).toBe(2);
  });
});
