// The avatar: a VRM (0 or 1) that is posed by the names of its humanoid bones.

import { type VRM, type VRMHumanBoneName, VRMUtils } from "@pixiv/three-vrm";
import { Box3, type Object3D, Vector3 } from "three";

import type { Bones, Hello } from "../protocol/text";
import { type BodyFit, type BodyPose, fitTo, type Point, restPositions } from "../stage/pose";
import { loadVrm } from "./load";

/** Degrees of the arms before the first pose has come, in place of the T-pose. */
const RELAXED: Readonly<Record<string, readonly [number, number, number]>> = {
  leftUpperArm: [0, 0, -72],
  rightUpperArm: [0, 0, 72],
  leftLowerArm: [0, -12, -4],
  rightLowerArm: [0, 12, 4],
};

/** The bones that come near the ground: the stage darkens the floor beneath them. */
const NEAR_GROUND = [
  "leftFoot",
  "leftToes",
  "rightFoot",
  "rightToes",
  "leftHand",
  "rightHand",
  "hips",
  "head",
] as const;

export class Avatar {
  readonly object: Object3D;
  /** From the soles to the top, at rest, metres. */
  readonly height: number;
  private readonly rest: Record<string, Point>;
  /** Where a motion's root is put; see `measure`. */
  fit: BodyFit = { scale: 1, lift: 0 };
  private readonly bones = new Map<string, Object3D>();
  /** Presets that stay at zero, because the face has ARKit's expressions in their place. */
  private readonly coarse = new Set<string>();
  /** −1 for VRM 0, whose characters face −Z: turned about Y, x and z change their sign; else +1. */
  private readonly facing: 1 | -1;

  private constructor(private readonly vrm: VRM) {
    this.object = vrm.scene;
    this.facing = vrm.meta.metaVersion === "0" ? -1 : 1;
    VRMUtils.rotateVRM0(vrm);
    for (const bone of Object.keys(vrm.humanoid.normalizedHumanBones)) {
      const node = vrm.humanoid.getNormalizedBoneNode(bone as VRMHumanBoneName);
      if (node) this.bones.set(bone, node);
    }
    vrm.scene.traverse((object) => {
      object.castShadow = true;
      object.receiveShadow = true;
      // A skinned mesh would be culled by the bounds of its rest pose.
      object.frustumCulled = false;
    });
    const { expressionManager } = vrm;
    if (
      expressionManager?.getExpression("jawOpen") &&
      expressionManager.getExpression("eyeBlinkLeft")
    ) {
      for (const name of Object.keys(expressionManager.presetExpressionMap)) this.coarse.add(name);
    }
    this.rest = this.bonePositions();
    vrm.scene.updateMatrixWorld(true); // skins follow their meshes only then
    this.height = new Box3().setFromObject(vrm.scene, true).max.y;
    this.relax();
  }

  /** Loads the VRM at the address. Throws an Error whose message says why it cannot be shown. */
  static async load(address: string): Promise<Avatar> {
    return new Avatar(await loadVrm(address));
  }

  /** Prepares the avatar for the motions of a skeleton; see `fitTo`. */
  measure(skeleton: Bones): BodyFit {
    this.fit = fitTo(restPositions(skeleton), this.rest);
    return this.fit;
  }

  /** Applies a pose; bones that the avatar lacks are skipped. */
  pose({ root, rotations, weights }: BodyPose, { skeleton, expressions }: Hello): void {
    const { facing } = this;
    skeleton.names.forEach((name, joint) => {
      const [x, y, z, w] = rotations.subarray(4 * joint, 4 * joint + 4);
      this.bones.get(name)?.quaternion.set(facing * x!, y!, facing * z!, w!);
    });
    const { scale, lift } = this.fit;
    const [x, y, z] = root;
    this.bones
      .get("hips")
      ?.position.set(facing * scale * x!, scale * y! + lift, facing * scale * z!);
    expressions.forEach((name, e) => {
      if (!this.coarse.has(name)) this.vrm.expressionManager?.setValue(name, weights[e] ?? 0);
    });
  }

  /** Updates what depends on the bones (skin, eyes, swinging hair); seconds since the last call. */
  update(elapsed: number): void {
    this.vrm.update(elapsed);
    this.object.updateMatrixWorld();
  }

  /** World positions of the humanoid bones, metres. */
  bonePositions(): Record<string, [number, number, number]> {
    return Object.fromEntries(
      [...this.bones].map(([bone, node]) => [bone, node.getWorldPosition(new Vector3()).toArray()]),
    );
  }

  /** World position of a humanoid bone, metres; null if the avatar lacks it. */
  bonePosition(bone: string): Vector3 | null {
    return this.bones.get(bone)?.getWorldPosition(new Vector3()) ?? null;
  }

  /** Current weights, 0 to 1, of the expressions that the face has. */
  expressions(): Record<string, number> {
    const manager = this.vrm.expressionManager;
    return Object.fromEntries(
      Object.keys(manager?.expressionMap ?? {}).map((name) => [name, manager!.getValue(name) ?? 0]),
    );
  }

  /** World positions of the bones that darken the floor. */
  nearGround(): Vector3[] {
    return NEAR_GROUND.flatMap((bone) => this.bonePosition(bone) ?? []);
  }

  /** World position of the hips, metres. */
  hips(): Vector3 {
    return this.bonePosition("hips") ?? new Vector3(0, 1, 0);
  }

  dispose(): void {
    VRMUtils.deepDispose(this.vrm.scene);
  }

  private relax(): void {
    for (const [bone, degrees] of Object.entries(RELAXED)) {
      const [x, y, z] = degrees.map((d) => (d * Math.PI) / 180);
      this.bones.get(bone)?.rotation.set(this.facing * x!, y!, this.facing * z!);
    }
  }
}
