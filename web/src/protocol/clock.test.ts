import { describe, expect, it } from "vitest";

import { ServerClock } from "./clock";
import { FrameMeter } from "./meter";

describe("ServerClock", () => {
  it("is null before the first answer", () => expect(new ServerClock().at(5)).toBeNull());

  it("trusts the quickest round trip", () => {
    const clock = new ServerClock();
    clock.add(10.0, 10.4, 1000.35); // the answer was 0.35 s on its way here, 0.05 s there
    clock.add(11.0, 11.002, 1001.001);
    clock.add(12.0, 12.9, 1002.0);
    expect(clock.at(20)).toBeCloseTo(1010, 6);
  });

  it("forgets old trips, so that a drifting clock is followed", () => {
    const clock = new ServerClock();
    clock.add(0, 0.001, 100.0005);
    for (let i = 1; i <= 20; i++) clock.add(i, i + 0.01, i + 200.005);
    expect(clock.at(21)).toBeCloseTo(221, 6);
  });
});

describe("FrameMeter", () => {
  it("counts the last second's frames and gives their median latency", () => {
    const meter = new FrameMeter();
    for (let i = 0; i < 64; i++) meter.add(i, i / 32, i === 63 ? 9 : 0.04);
    const figures = meter.figures(63 / 32);
    expect(figures).toMatchObject({ fps: 32, latency: 0.04, worst: 9, drops: 0, idle: 0 });
  });

  it("counts gaps in the frames' numbers as drops, but not a restarted source", () => {
    const meter = new FrameMeter();
    for (const frame of [3, 4, 8, 9, 0, 1, 3]) meter.add(frame, 0, null);
    expect(meter.figures(0).drops).toBe(3 + 1);
    expect(meter.figures(0).latency).toBeNull();
  });

  it("gives the time since the last drawn frame", () => {
    const meter = new FrameMeter();
    expect(meter.figures(1).idle).toBe(Infinity);
    meter.add(1, 1, 0.1);
    expect(meter.figures(4)).toMatchObject({ fps: 0, latency: null, idle: 3 });
  });

  it("counts from zero after a reset", () => {
    const meter = new FrameMeter();
    meter.add(1, 0, null);
    meter.add(9, 0, null);
    meter.reset();
    meter.add(500, 0, null);
    expect(meter.figures(0).drops).toBe(0);
  });
});
