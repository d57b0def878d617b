// The solved skeleton, drawn over the avatar with the motion's own bone lengths.

import {
  Color,
  Group,
  InstancedMesh,
  Matrix4,
  MeshBasicMaterial,
  OctahedronGeometry,
  Quaternion,
  SphereGeometry,
  Vector3,
} from "three";
import type { Bones } from "../protocol/text";
import { MIDDLE, sideColour } from "./colours";
import { type BodyFit, type BodyPose, forward } from "./pose";

/** The skull's length above the joint `head`, which has no child, as a part of the hips' height. */
const SKULL = 0.2;

/** A bone's greatest thickness as a part of its length, and its limits in metres. */
const THICKNESS = 0.1;
const THINNEST = 0.005;
const THICKEST = 0.022;

export class SkeletonView {
  readonly object = new Group();
  private readonly bones: InstancedMesh;
  private readonly joints: InstancedMesh;
  private readonly head: number;
  private readonly root = new Vector3(0, 0.95, 0);
  /** The joints with a parent: a bone ends at each. */
  private readonly ends: number[];

  constructor(private readonly skeleton: Bones) {
    this.ends = skeleton.names
      .map((_, joint) => joint)
      .filter((joint) => skeleton.parents[joint]! >= 0);
    // Drawn last, and visible through the avatar.
    const material = new MeshBasicMaterial({
      depthTest: false,
      depthWrite: false,
      transparent: true,
      opacity: 0.92,
      toneMapped: false,
    });
    // A bone from 0 to 1 along y, thickest at 0.18.
    const shape = new OctahedronGeometry(1, 0).translate(0, 1, 0).scale(1, 0.5, 1);
    const at = shape.getAttribute("position");
    for (let i = 0; i < at.count; i++) if (Math.abs(at.getY(i) - 0.5) < 0.01) at.setY(i, 0.18);
    this.head = skeleton.names.indexOf("head");
    this.bones = new InstancedMesh(shape, material, this.ends.length + (this.head < 0 ? 0 : 1));
    this.joints = new InstancedMesh(new SphereGeometry(1, 10, 8), material, skeleton.names.length);
    this.ends.forEach((joint, i) =>
      this.bones.setColorAt(i, new Color(sideColour(skeleton.names[joint]!))),
    );
    if (this.head >= 0) this.bones.setColorAt(this.ends.length, new Color(MIDDLE));
    skeleton.names.forEach((name, joint) =>
      this.joints.setColorAt(joint, new Color(sideColour(name))),
    );
    for (const mesh of [this.bones, this.joints]) {
      mesh.frustumCulled = false;
      mesh.renderOrder = 10;
    }
    this.object.add(this.bones, this.joints);
  }

  /** Takes the avatar's fit, so that both coincide. */
  fit({ scale, lift }: BodyFit): void {
    this.object.scale.setScalar(scale);
    this.object.position.set(0, lift, 0);
  }

  pose({ root, rotations }: BodyPose): void {
    const { positions: at, world } = forward(this.skeleton, root, rotations);
    const place = (joint: number, into: Vector3): Vector3 => into.fromArray(at, 3 * joint);
    const up = new Vector3(0, 1, 0);
    const [start, end, along] = [new Vector3(), new Vector3(), new Vector3()];
    const [turn, matrix, size] = [new Quaternion(), new Matrix4(), new Vector3()];
    this.ends.forEach((joint, i) => {
      place(this.skeleton.parents[joint]!, start);
      place(joint, end);
      const length = along.subVectors(end, start).length();
      turn.setFromUnitVectors(up, along.normalize());
      const thickness = Math.min(Math.max(THICKNESS * length, THINNEST), THICKEST);
      this.bones.setMatrixAt(
        i,
        matrix.compose(start, turn, size.set(thickness, length, thickness)),
      );
      this.joints.setMatrixAt(
        joint,
        matrix.compose(end, turn.identity(), size.setScalar(0.45 * thickness)),
      );
    });
    if (this.head >= 0) {
      const length = SKULL * this.skeleton.offsets[0]![1];
      turn.fromArray(world, 4 * this.head);
      this.bones.setMatrixAt(
        this.ends.length,
        matrix.compose(place(this.head, start), turn, size.set(THICKEST, length, THICKEST)),
      );
    }
    this.joints.setMatrixAt(
      0,
      matrix.compose(place(0, this.root), turn.identity(), size.setScalar(0.45 * THICKEST)),
    );
    this.bones.instanceMatrix.needsUpdate = true;
    this.joints.instanceMatrix.needsUpdate = true;
  }

  /** World position of the hips, metres. */
  hips(): Vector3 {
    return this.object.localToWorld(this.root.clone());
  }

  dispose(): void {
    for (const mesh of [this.bones, this.joints]) {
      mesh.geometry.dispose();
      mesh.dispose();
    }
  }
}
