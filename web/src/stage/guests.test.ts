import { expect, test } from "vitest";

import { POSE, type PoseMessage } from "../protocol/binary";
import { Guests } from "./guests";

const poseOf = (subject: number, frame: number): PoseMessage => ({
  kind: POSE,
  subject,
  frame,
  time: 0,
  clock: 0,
  root: new Float32Array(3),
  rotations: new Float32Array(4),
  weights: new Float32Array(0),
});

test("a guest who leaves gives back the pose that was not drawn, to be acknowledged", () => {
  const guests = new Guests(
    null,
    () => null,
    () => undefined,
  );
  expect(guests.remove(1)).toBeNull();
  guests.pose(poseOf(1, 7), 0);
  guests.pose(poseOf(1, 8), 0);
  expect(guests.remove(1)?.frame).toBe(8);
  expect(guests.remove(1)).toBeNull();
});
