import { describe, expect, it } from "vitest";
import { encode, KEYPOINTS, POSE, type PoseMessage } from "../protocol/binary";
import { Clip, poses } from "./clip";

const pose = (frame: number, rotations: number[] = [0, 0, 0, 1]): PoseMessage => ({
  kind: POSE,
  subject: 0,
  frame,
  time: frame / 10,
  clock: 0,
  root: new Float32Array([frame, 1, 0]),
  rotations: new Float32Array(rotations),
  weights: new Float32Array(0),
});

const joined = (parts: ArrayBuffer[]): ArrayBuffer => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.byteLength, 0));
  let at = 0;
  for (const p of parts) {
    out.set(new Uint8Array(p), at);
    at += p.byteLength;
  }
  return out.buffer;
};

const clip = (n: number, rotations?: number[]): Clip =>
  new Clip(
    {
      times: Array.from({ length: n }, (_, i) => i / 10),
      contacts: Array<number>(n).fill(0),
      confidence: null,
      doubts: [],
      source: null,
    },
    Array.from({ length: n }, (_, i) => pose(i, rotations)),
  );

describe("a clip", () => {
  it("reads the messages that lie one after another", () => {
    const read = poses(joined([0, 1, 2].map((i) => encode(pose(i)))), 3, 1);
    expect(read.map((p) => p.root[0])).toEqual([0, 1, 2]);
  });

  it("refuses what is no row of poses", () => {
    expect(() => poses(new ArrayBuffer(100), 3, 1)).toThrow(/cannot have 100 bytes/);
    const points = encode({
      ...pose(0),
      kind: KEYPOINTS,
      image: new Float32Array(2),
      positions: new Float32Array(3),
      confidence: new Float32Array(1),
    });
    expect(() => poses(points, 1, 1)).toThrow(/nothing else/);
  });

  it("finds the frame of every time", () => {
    const c = clip(5);
    expect([-1, 0, 0.05, 0.1, 0.29, 0.3, 9].map((t) => c.at(t))).toEqual([0, 0, 0, 1, 2, 3, 4]);
    c.timeline.times.forEach((t, i) => expect(c.at(t)).toBe(i));
  });

  it("gives a joint's turn in degrees, the short way round", () => {
    const s = Math.SQRT1_2;
    const turned = clip(2, [s, 0, 0, s]).curves(0);
    expect(turned[0]).toBeCloseTo(90, 4);
    expect(clip(1, [-s, 0, 0, -s]).curves(0)[0]).toBeCloseTo(90, 4);
    expect([...clip(1).curves(0)]).toEqual([0, 0, 0]);
  });
});
