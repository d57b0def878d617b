// The first performer on the stage: an avatar in the newest pose, or the skeleton without one.

import { Vector3 } from "three";

import { Avatar } from "../avatar/avatar";
import type { PoseMessage } from "../protocol/binary";
import type { Hello } from "../protocol/text";
import { reasonOf } from "../ui/dom";
import type { Messages } from "../ui/messages";
import { BoneMarker } from "./marker";
import { type BodyFit, mirrored } from "./pose";
import { SkeletonView } from "./skeleton";
import type { Stage } from "./stage";

const STANDING = new Vector3(0, 0.95, 0);

/** A file of the user's, in place of the avatar that the hello names. */
export interface OwnAvatar {
  readonly address: string;
  readonly name: string;
}

export class Performer {
  avatar: Avatar | null = null;
  /** The address of the avatar that is loaded or loading; empty after a failure. */
  address = "";
  /** The last pose that was shown. */
  last: PoseMessage | null = null;
  /** Whether the avatar is new and has not been drawn yet. */
  fresh = false;
  private skeleton: SkeletonView | null = null;
  private hello: Hello | null = null;
  private own: OwnAvatar | null = null;
  private mirror = false;
  private withSkeleton = false;
  private readonly marker = new BoneMarker();

  /** @param wake Called when there is something to draw without a new pose. */
  constructor(
    private readonly stage: Stage | null,
    private readonly messages: Messages,
    private readonly wake: () => void,
  ) {
    stage?.add(this.marker.object);
  }

  /** Takes the skeleton and the avatar of a hello. */
  greet(hello: Hello): void {
    // A pose of other joints has no meaning in the new order.
    if (this.last && hello.skeleton.names.join() !== this.hello?.skeleton.names.join()) {
      this.last = null;
    }
    this.hello = hello;
    if (this.stage) {
      if (this.skeleton) this.stage.remove(this.skeleton.object);
      this.skeleton?.dispose();
      this.skeleton = new SkeletonView(hello.skeleton);
      this.stage.add(this.skeleton.object);
      void this.load();
    }
    this.refit();
  }

  /** Shows the user's own avatar; null for the one that the hello names. */
  wear(own: OwnAvatar | null): void {
    this.own = own;
    if (this.hello) void this.load();
  }

  showMirrored(on: boolean): void {
    this.mirror = on;
    if (this.last) this.apply(this.last);
    this.wake();
  }

  showSkeleton(on: boolean): void {
    this.withSkeleton = on;
    this.choose();
  }

  /** Marks a humanoid bone of the avatar; null for none. */
  mark(bone: string | null): void {
    this.marker.bone = bone;
    this.wake();
  }

  /** World position of the marked bone, metres, as it was drawn last. */
  get marked(): [number, number, number] | null {
    return this.marker.object.visible ? this.marker.object.position.toArray() : null;
  }

  pose(pose: PoseMessage): void {
    const first = this.last === null;
    this.last = pose;
    this.apply(pose);
    if (first) this.choose();
  }

  /** Whether there is an avatar or a skeleton to see. */
  get visible(): boolean {
    return this.avatar !== null || this.skeleton?.object.visible === true;
  }

  /** Where the avatar puts a motion's root. */
  get fit(): BodyFit {
    return this.avatar?.fit ?? { scale: 1, lift: 0 };
  }

  hips(): Vector3 {
    return this.avatar?.hips() ?? this.skeleton?.hips() ?? STANDING;
  }

  /** Updates the avatar before a drawing; seconds since the last call. */
  update(elapsed: number): void {
    this.avatar?.update(elapsed);
    const { bone } = this.marker;
    const at = bone === null ? null : (this.avatar?.bonePosition(bone) ?? null);
    this.marker.update(at, this.avatar?.height ?? 1.7);
  }

  private async load(): Promise<void> {
    const hello = this.hello!;
    const address = new URL(this.own?.address ?? hello.rig, location.href).href;
    if (this.address === address) return;
    this.address = address;
    const name = this.own?.name ?? hello.rig;
    this.messages.say("rig", "info", this.avatar ? "" : "Loading the avatar…");
    try {
      const avatar = await Avatar.load(address);
      await this.stage?.prepare(avatar.object);
      if (this.address !== address) return avatar.dispose();
      if (this.avatar) this.stage?.remove(this.avatar.object);
      this.avatar?.dispose();
      this.avatar = avatar;
      this.stage?.add(avatar.object);
      this.stage?.fit(avatar.height);
      this.fresh = true;
      this.messages.clear("rig");
    } catch (error) {
      if (this.address !== address) return;
      this.address = "";
      const instead = this.avatar
        ? "The avatar before it stays."
        : "The skeleton is shown in its place.";
      const sentence = `The avatar ${name} could not be loaded: ${reasonOf(error)}. ${instead}`;
      this.messages.say("rig", "error", sentence);
    }
    this.refit();
  }

  /** Fits the avatar and the skeleton to each other. */
  private refit(): void {
    if (this.hello && this.avatar) this.skeleton?.fit(this.avatar.measure(this.hello.skeleton));
    if (this.last) this.apply(this.last);
    this.choose();
  }

  /** The skeleton is visible if it is wanted, or if no avatar could be loaded. */
  private choose(): void {
    const alone = !this.avatar && this.address === "";
    if (this.skeleton) {
      this.skeleton.object.visible = this.last !== null && (this.withSkeleton || alone);
    }
    // With an empty stage, messages take the middle.
    document.body.dataset.stage = this.visible ? "full" : "empty";
    this.wake();
  }

  private apply(pose: PoseMessage): void {
    if (!this.hello) return;
    const { skeleton, expressions } = this.hello;
    const body = this.mirror ? mirrored(pose, skeleton.names, expressions) : pose;
    this.avatar?.pose(body, this.hello);
    this.skeleton?.pose(body);
  }
}
