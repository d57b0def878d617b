import { describe, expect, it } from "vitest";

import { Transport } from "./transport";

describe("Transport", () => {
  it("loops between the marks and keeps what is over", () => {
    const t = new Transport(10);
    t.mark("start", 2);
    t.mark("end", 4);
    t.seek(3.5);
    t.advance(1);
    expect(t.time).toBeCloseTo(2.5, 9);
    expect(t.playing).toBe(true);
  });

  it("stops at the end mark without a loop, and begins at the start mark from there", () => {
    const t = new Transport(3);
    t.loop = false;
    t.advance(5);
    expect([t.time, t.playing]).toEqual([3, false]);
    t.toggle();
    expect([t.time, t.playing]).toEqual([0, true]);
  });

  it("plays at its speed and stands still when paused", () => {
    const t = new Transport(10);
    t.speed = 0.25;
    t.advance(2);
    expect(t.time).toBeCloseTo(0.5, 9);
    t.toggle();
    t.advance(2);
    expect(t.time).toBeCloseTo(0.5, 9);
  });

  it("keeps its marks in order and within the clip", () => {
    const t = new Transport(5);
    t.mark("end", 2);
    t.mark("start", 3);
    expect([t.start, t.end]).toEqual([3, 3]);
    t.mark("end", 99);
    expect([t.start, t.end]).toEqual([3, 5]);
    t.mark("start", -1);
    expect([t.start, t.end]).toEqual([0, 5]);
  });

  it("does not hang on a clip of one frame", () => {
    const t = new Transport(0);
    t.advance(0.1);
    expect([t.time, t.playing]).toEqual([0, true]);
  });

  it("keeps moment and marks in another version of the same take", () => {
    const before = new Transport(5);
    before.mark("start", 1);
    before.mark("end", 3);
    before.seek(2);
    before.toggle();
    before.speed = 0.5;
    const after = new Transport(4.9);
    after.restore(before);
    expect([after.start, after.end, after.time]).toEqual([1, 3, 2]);
    expect([after.playing, after.speed]).toEqual([false, 0.5]);
  });

  it("leaves an end mark that was not moved at the end of a longer version", () => {
    const after = new Transport(5.1);
    after.restore(new Transport(5));
    expect(after.end).toBe(5.1);
  });
});
