import { Object3D, Quaternion, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import type { Bones } from "../protocol/text";
import { type BodyPose, fitTo, forward, mirrored, mirroredName, restPositions } from "./pose";

const BODY: Bones = {
  names: ["hips", "spine", "leftUpperLeg", "leftFoot", "rightUpperLeg", "rightFoot"],
  parents: [-1, 0, 0, 2, 0, 4],
  offsets: [
    [0, 1, 0],
    [0, 0.2, 0.01],
    [0.1, -0.1, 0],
    [0, -0.8, 0.02],
    [-0.1, -0.1, 0],
    [0, -0.8, 0.02],
  ],
};

/** A pose without symmetry, from a seed. */
function somePose(seed: number): BodyPose {
  const value = (i: number): number => Math.sin(12.9898 * (seed + i)) * 2;
  const rotations = new Float32Array(4 * BODY.names.length);
  BODY.names.forEach((_, joint) => {
    const q = new Quaternion(
      value(4 * joint),
      value(4 * joint + 1),
      value(4 * joint + 2),
      value(4 * joint + 3),
    ).normalize();
    rotations.set(q.toArray(), 4 * joint);
  });
  return {
    root: new Float32Array([value(99), value(98), value(97)]),
    rotations,
    weights: new Float32Array([0.2, 0.7, 0.5]),
  };
}

describe("forward", () => {
  it("gives the places that three.js gives", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { root, rotations } = somePose(seed);
      const nodes = BODY.names.map(() => new Object3D());
      nodes.forEach((node, joint) => {
        const parent = BODY.parents[joint]!;
        if (parent >= 0) nodes[parent]!.add(node);
        node.position.fromArray(parent < 0 ? [...root] : [...BODY.offsets[joint]!]);
        node.quaternion.fromArray(rotations, 4 * joint);
      });
      const { positions: places, world } = forward(BODY, root, rotations);
      nodes.forEach((node, joint) => {
        const wanted = node.getWorldPosition(new Vector3());
        expect(new Vector3().fromArray(places, 3 * joint).distanceTo(wanted)).toBeLessThan(1e-5);
        const turned = node.getWorldQuaternion(new Quaternion());
        expect(turned.angleTo(new Quaternion().fromArray(world, 4 * joint))).toBeLessThan(1e-3);
      });
    }
  });
});

describe("mirrored", () => {
  it("reflects every joint's place at x = 0", () => {
    const pose = somePose(3);
    const places = forward(BODY, pose.root, pose.rotations).positions;
    const image = mirrored(pose, BODY.names, []);
    const reflected = forward(BODY, image.root, image.rotations).positions;
    BODY.names.forEach((name, joint) => {
      const other = BODY.names.indexOf(mirroredName(name));
      expect(reflected[3 * other]).toBeCloseTo(-places[3 * joint]!, 5);
      expect(reflected[3 * other + 1]).toBeCloseTo(places[3 * joint + 1]!, 5);
      expect(reflected[3 * other + 2]).toBeCloseTo(places[3 * joint + 2]!, 5);
    });
  });

  it("exchanges the expressions of the sides", () => {
    expect([
      ...mirrored(somePose(0), BODY.names, ["blinkLeft", "blinkRight", "happy"]).weights,
    ]).toEqual([...new Float32Array([0.7, 0.2, 0.5])]);
  });
});

describe("fitTo", () => {
  const from = restPositions(BODY);

  it("leaves a motion on its own body as it is", () => {
    expect(fitTo(from, from)).toEqual({ scale: 1, lift: 0 });
  });

  it("keeps soles on the ground, whatever the legs' length and the soles' thickness", () => {
    const to = { hips: [0, 0.8, 0], leftFoot: [0.1, 0.3, 0], rightFoot: [-0.1, 0.3, 0] } as const;
    const { scale, lift } = fitTo(from, to);
    expect(scale * 1 + lift).toBeCloseTo(0.8, 9); // hips at rest
    // With the hips half a leg lower.
    expect(scale * 0.55 + lift - 0.5 * 0.45 * (1 / 0.9)).toBeCloseTo(0.3, 9);
  });

  it("goes by the hips' height where there are no feet", () => {
    expect(fitTo(from, { hips: [0, 2, 0] })).toEqual({ scale: 2, lift: 0 });
  });
});
