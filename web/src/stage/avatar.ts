// The avatar: a VRM file (0 or 1) that takes on poses by the names of its humanoid bones.

import { type VRM, type VRMHumanBoneName, VRMLoaderPlugin, VRMUtils } from "@pixiv/three-vrm";
import { Box3, type Object3D, Vector3 } from "three";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
import type { Hello, Skeleton } from "../protocol/text";
import { type BodyPose, type Fit, fitTo, type Place, restPositions } from "./pose";

/** Degrees by which the arms hang before the first pose has come: a T-pose on the screen looks broken. */
const RELAXED: Readonly<Record<string, readonly [number, number, number]>> = {
  leftUpperArm: [0, 0, -72],
  rightUpperArm: [0, 0, 72],
  leftLowerArm: [0, -12, -4],
  rightLowerArm: [0, 12, 4],
};

/** The bones that touch, or come near, the ground: their shade on the floor is drawn by the stage. */
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
  private readonly rest: Record<string, Place>;
  private fit: Fit = { scale: 1, lift: 0 };
  private readonly nodes = new Map<string, Object3D>();
  /** Presets that are left alone because the face has ARKit's expressions, of which a motion's presets are made: not both at once. */
  private readonly coarse = new Set<string>();
  /** +1, or −1 for VRM 0, whose characters face −Z: turned about Y, a rotation's x and z change their sign, and a place's too. */
  private readonly facing: 1 | -1;

  private constructor(private readonly vrm: VRM) {
    this.object = vrm.scene;
    this.facing = vrm.meta.metaVersion === "0" ? -1 : 1;
    VRMUtils.rotateVRM0(vrm);
    for (const bone of Object.keys(vrm.humanoid.normalizedHumanBones)) {
      const node = vrm.humanoid.getNormalizedBoneNode(bone as VRMHumanBoneName);
      if (node) this.nodes.set(bone, node);
    }
    vrm.scene.traverse((object) => {
      object.castShadow = true;
      object.receiveShadow = true;
      // A skinned mesh is culled by its rest pose's bounds, which it leaves.
      object.frustumCulled = false;
    });
    const expressions = this.vrm.expressionManager;
    if (expressions?.getExpression("jawOpen") && expressions.getExpression("eyeBlinkLeft")) {
      for (const name of Object.keys(expressions.presetExpressionMap)) this.coarse.add(name);
    }
    this.rest = this.bonePositions();
    vrm.scene.updateMatrixWorld(true); // skins follow their meshes only so
    this.height = new Box3().setFromObject(vrm.scene, true).max.y;
    this.relax();
  }

  /** Loads the VRM at the address. Rejects with an Error whose message says why it cannot be used. */
  static async load(address: string): Promise<Avatar> {
    const loader = new GLTFLoader();
    loader.register((parser) => new VRMLoaderPlugin(parser));
    // Fetched apart from the loader, whose own words are for developers.
    const answer = await fetch(address);
    if (!answer.ok)
      throw new Error(
        answer.status === 404 ? "there is no such file" : `the server answers ${answer.status}`,
      );
    const gltf = await loader.parseAsync(await answer.arrayBuffer(), new URL(".", address).href);
    const vrm = gltf.userData.vrm as VRM | undefined;
    if (!vrm) throw new Error("it is not a VRM file");
    VRMUtils.combineSkeletons(gltf.scene);
    return new Avatar(vrm);
  }

  /** Readies the body for the motions of a skeleton: see `fitTo`. */
  measure(skeleton: Skeleton): Fit {
    this.fit = fitTo(restPositions(skeleton), this.rest);
    return this.fit;
  }

  /** Takes on a pose; bones that the body does not have are passed over. */
  pose(pose: BodyPose, hello: Hello): void {
    const { names } = hello.skeleton;
    const { root, rotations, weights } = pose;
    names.forEach((name, joint) => {
      const q = 4 * joint;
      const f = this.facing;
      this.nodes
        .get(name)
        ?.quaternion.set(
          f * rotations[q]!,
          rotations[q + 1]!,
          f * rotations[q + 2]!,
          rotations[q + 3]!,
        );
    });
    const { scale, lift } = this.fit;
    this.nodes
      .get("hips")
      ?.position.set(
        this.facing * scale * root[0]!,
        scale * root[1]! + lift,
        this.facing * scale * root[2]!,
      );
    hello.expressions.forEach((name, e) => {
      if (!this.coarse.has(name)) this.vrm.expressionManager?.setValue(name, weights[e] ?? 0);
    });
  }

  /** Brings what hangs on the bones (skin, eyes, hair that swings) up to now; seconds since the last call. */
  update(elapsed: number): void {
    this.vrm.update(elapsed);
    this.object.updateMatrixWorld();
  }

  /** World positions of the humanoid bones, metres. */
  bonePositions(): Record<string, [number, number, number]> {
    const out: Record<string, [number, number, number]> = {};
    for (const [bone, node] of this.nodes)
      out[bone] = node.getWorldPosition(new Vector3()).toArray();
    return out;
  }

  /** What the face expresses: weights from 0 to 1 of the expressions that it has. */
  expressions(): Record<string, number> {
    const manager = this.vrm.expressionManager;
    return Object.fromEntries(
      Object.keys(manager?.expressionMap ?? {}).map((name) => [name, manager!.getValue(name) ?? 0]),
    );
  }

  /** World positions of the bones whose nearness darkens the floor. */
  nearGround(): Vector3[] {
    return NEAR_GROUND.flatMap(
      (bone) => this.nodes.get(bone)?.getWorldPosition(new Vector3()) ?? [],
    );
  }

  /** Where the hips are, metres. */
  hips(): Vector3 {
    return this.nodes.get("hips")?.getWorldPosition(new Vector3()) ?? new Vector3(0, 1, 0);
  }

  dispose(): void {
    VRMUtils.deepDispose(this.vrm.scene);
  }

  private relax(): void {
    for (const [bone, degrees] of Object.entries(RELAXED)) {
      const [x, y, z] = degrees.map((d) => (d * Math.PI) / 180) as [number, number, number];
      this.nodes.get(bone)?.rotation.set(this.facing * x, y, this.facing * z);
    }
  }
}
