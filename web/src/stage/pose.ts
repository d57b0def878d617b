// What is done with a pose before it is drawn: its mirror image, forward kinematics, and the fit
// to another body. Pure numbers; metres, quaternions xyzw.

import type { Bones } from "../protocol/text";

/** One frame of a motion; see PoseMessage. */
export interface BodyPose {
  readonly root: Float32Array;
  readonly rotations: Float32Array;
  readonly weights: Float32Array;
}

export type Point = readonly [number, number, number];

/** The name of the other side, e.g. `leftHand` for `rightHand`; other names are unchanged. */
export function mirroredName(name: string): string {
  if (name.startsWith("left")) return `right${name.slice(4)}`;
  if (name.startsWith("right")) return `left${name.slice(5)}`;
  if (name.endsWith("Left")) return `${name.slice(0, -4)}Right`;
  if (name.endsWith("Right")) return `${name.slice(0, -5)}Left`;
  return name;
}

/** The mirror image at x = 0: sides exchanged, rotations and root position reflected. */
export function mirrored(
  pose: BodyPose,
  joints: readonly string[],
  expressions: readonly string[],
): BodyPose {
  const root = new Float32Array([-pose.root[0]!, pose.root[1]!, pose.root[2]!]);
  const rotations = new Float32Array(pose.rotations.length);
  joints.forEach((name, joint) => {
    const other = joints.indexOf(mirroredName(name));
    const from = 4 * (other < 0 ? joint : other);
    rotations.set(
      [
        pose.rotations[from]!,
        -pose.rotations[from + 1]!,
        -pose.rotations[from + 2]!,
        pose.rotations[from + 3]!,
      ],
      4 * joint,
    );
  });
  const weights = pose.weights.slice();
  expressions.forEach((name, e) => {
    const other = expressions.indexOf(mirroredName(name));
    if (other >= 0) weights[e] = pose.weights[other]!;
  });
  return { root, rotations, weights };
}

/** World positions and rotations of all joints. */
export interface WorldPose {
  /** (J, 3) world positions, metres. */
  readonly positions: Float32Array;
  /** (J, 4) world rotations, xyzw. */
  readonly world: Float32Array;
}

/** Forward kinematics. */
export function forward(
  skeleton: Bones,
  root: ArrayLike<number>,
  rotations: ArrayLike<number>,
): WorldPose {
  const count = skeleton.names.length;
  const positions = new Float32Array(3 * count);
  const world = new Float32Array(4 * count);
  for (let joint = 0; joint < count; joint++) {
    const q = 4 * joint;
    const x = rotations[q]!;
    const y = rotations[q + 1]!;
    const z = rotations[q + 2]!;
    const w = rotations[q + 3]!;
    const parent = skeleton.parents[joint]!;
    if (parent < 0) {
      positions.set([root[0]!, root[1]!, root[2]!], 3 * joint);
      world.set([x, y, z, w], q);
      continue;
    }
    const [px, py, pz, pw] = world.subarray(4 * parent, 4 * parent + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    world.set(
      [
        pw * x + px * w + py * z - pz * y,
        pw * y - px * z + py * w + pz * x,
        pw * z + px * y - py * x + pz * w,
        pw * w - px * x - py * y - pz * z,
      ],
      q,
    );
    const [ox, oy, oz] = skeleton.offsets[joint]!;
    // v + 2 w (u × v) + 2 u × (u × v), with u the quaternion's vector.
    const tx = 2 * (py * oz - pz * oy);
    const ty = 2 * (pz * ox - px * oz);
    const tz = 2 * (px * oy - py * ox);
    const p = 3 * parent;
    positions[3 * joint] = positions[p]! + ox + pw * tx + py * tz - pz * ty;
    positions[3 * joint + 1] = positions[p + 1]! + oy + pw * ty + pz * tx - px * tz;
    positions[3 * joint + 2] = positions[p + 2]! + oz + pw * tz + px * ty - py * tx;
  }
  return { positions, world };
}

/** World positions of the joints at rest, by name, metres. */
export function restPositions(skeleton: Bones): Record<string, Point> {
  const places: Record<string, Point> = {};
  skeleton.names.forEach((name, joint) => {
    const parent = skeleton.parents[joint]!;
    const from = parent < 0 ? [0, 0, 0] : places[skeleton.names[parent]!]!;
    const offset = skeleton.offsets[joint]!;
    places[name] = [from[0]! + offset[0], from[1]! + offset[1], from[2]! + offset[2]];
  });
  return places;
}

/** Places a motion's root on another body: `scale` times the position, `lift` metres higher. */
export interface BodyFit {
  readonly scale: number;
  readonly lift: number;
}

/**
 * The fit of one body's motion to another body, from the rest positions of both.
 *
 * Positions are scaled by the legs' length (hips to ankles, or the hips' height if a body has no
 * feet) and lifted so that rest falls on rest: soles stay on the ground, however thick they are.
 */
export function fitTo(from: Record<string, Point>, to: Record<string, Point>): BodyFit {
  const height = (body: Record<string, Point>, feet: boolean): number => {
    const hips = body.hips?.[1] ?? 0;
    return feet ? hips - (body.leftFoot![1] + body.rightFoot![1]) / 2 : hips;
  };
  const feet = [from, to].every((body) => body.leftFoot && body.rightFoot);
  const length = height(from, feet);
  const scale = length > 0 ? height(to, feet) / length : 1;
  return {
    scale: scale > 0 ? scale : 1,
    lift: scale > 0 ? height(to, false) - scale * height(from, false) : 0,
  };
}
