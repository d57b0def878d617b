import { Quaternion, Vector3 } from "three";
import { expect, test } from "vitest";

import { sourceCamera } from "./overlay";

const turned = new Quaternion(0.1, -0.2, 0.05, 0.97).normalize();
const SOURCE = {
  times: [0],
  offsets: [0, 1],
  aspect: 4 / 3,
  fov: 0.8,
  views: [[0.3, 1.4, 3.2, ...turned.toArray()]],
};

/** A point of the world in the camera's axes. */
function seen(point: Vector3, scale: number, lift: number, mirror: boolean): Vector3 {
  const camera = sourceCamera(SOURCE, 0, { scale, lift }, mirror)!;
  return point
    .clone()
    .sub(new Vector3(...camera.position))
    .applyQuaternion(new Quaternion(...camera.rotation).invert());
}

test("an avatar of another size is seen at the same place, larger and as much farther away", () => {
  const point = new Vector3(-0.4, 1.1, 0.2);
  const scaled = point
    .clone()
    .multiplyScalar(1.3)
    .add(new Vector3(0, 0.05, 0));
  const [a, b] = [seen(point, 1, 0, false), seen(scaled, 1.3, 0.05, false)];
  expect(b.distanceTo(a.clone().multiplyScalar(1.3))).toBeLessThan(1e-9);
});

test("a mirrored avatar is seen where the mirrored picture shows the person", () => {
  const point = new Vector3(-0.4, 1.1, 0.2);
  const a = seen(point, 1, 0, false);
  const b = seen(new Vector3(0.4, 1.1, 0.2), 1, 0, true);
  expect(b.distanceTo(new Vector3(-a.x, a.y, a.z))).toBeLessThan(1e-9);
});

test("a frame without a camera has no view", () => {
  expect(sourceCamera({ ...SOURCE, views: null }, 0, { scale: 1, lift: 0 }, false)).toBeNull();
  expect(sourceCamera(SOURCE, 5, { scale: 1, lift: 0 }, false)).toBeNull();
});
