// The first performer on the stage: an avatar, or the skeleton where there is none, in the newest pose.

import { Vector3 } from "three";
import type { PoseMessage } from "../protocol/binary";
import type { Hello } from "../protocol/text";
import type { Hud } from "../ui/hud";
import { Avatar } from "./avatar";
import { type BodyPose, mirrored } from "./pose";
import { SkeletonOverlay } from "./skeleton";
import type { Stage } from "./stage";

const STANDING = new Vector3(0, 0.95, 0);

export class Performer {
  avatar: Avatar | null = null;
  /** The address that is being loaded or was loaded last; empty after a failure, so that the next hello tries again. */
  loading = "";
  /** The last pose that was shown. */
  last: PoseMessage | null = null;
  /** A new avatar has not been drawn yet. */
  fresh = false;
  private overlay: SkeletonOverlay | null = null;
  private hello: Hello | null = null;
  /** The address of the user's own character, in the hello's place. */
  private rig: string | null = null;
  private mirror = false;
  private skeleton = false;

  constructor(
    private readonly stage: Stage | null,
    private readonly hud: Hud,
    /** There is something to draw without a new pose. */
    private readonly wake: () => void,
  ) {}

  /** Another source, and perhaps another skeleton or another avatar. */
  greet(hello: Hello): void {
    // A last pose of other joints means nothing in the new order.
    if (this.last && hello.skeleton.names.join() !== this.hello?.skeleton.names.join())
      this.last = null;
    this.hello = hello;
    if (this.stage) {
      if (this.overlay) this.stage.remove(this.overlay.object);
      this.overlay?.dispose();
      this.overlay = new SkeletonOverlay(hello.skeleton);
      this.stage.add(this.overlay.object);
      void this.load();
    }
    this.fitted();
  }

  /** The user's own character, by its address; null for the hello's avatar. */
  wear(address: string | null): void {
    this.rig = address;
    if (this.hello) void this.load();
  }

  showMirrored(on: boolean): void {
    this.mirror = on;
    if (this.last) this.apply(this.last);
    this.wake();
  }

  showSkeleton(on: boolean): void {
    this.skeleton = on;
    this.choose();
  }

  pose(pose: PoseMessage): void {
    const first = this.last === null;
    this.last = pose;
    this.apply(pose);
    if (first) this.choose();
  }

  /** Whether there is somebody to see. */
  get seen(): boolean {
    return this.avatar !== null || this.overlay?.object.visible === true;
  }

  hips(): Vector3 {
    return this.avatar?.hips() ?? this.overlay?.hips() ?? STANDING;
  }

  private async load(): Promise<void> {
    const hello = this.hello!;
    const address = new URL(this.rig ?? hello.rig, location.href).href;
    if (this.loading === address) return;
    this.loading = address;
    this.hud.say("rig", "info", this.avatar ? "" : "Loading the avatar…");
    try {
      const avatar = await Avatar.load(address);
      await this.stage?.prepare(avatar.object);
      if (this.loading !== address) return avatar.dispose();
      if (this.avatar) this.stage?.remove(this.avatar.object);
      this.avatar?.dispose();
      this.avatar = avatar;
      this.stage?.add(avatar.object);
      this.stage?.fit(avatar.height);
      this.fresh = true;
      this.hud.say("rig", "info", "");
    } catch (error) {
      if (this.loading !== address) return;
      this.loading = "";
      const reason = error instanceof Error ? error.message : String(error);
      const instead = this.avatar
        ? "The one before it stays."
        : "The skeleton is shown in its place.";
      this.hud.say(
        "rig",
        "error",
        `The avatar ${hello.rig} could not be loaded (${reason}). ${instead}`,
      );
    }
    this.fitted();
  }

  /** After a new avatar or a new skeleton: bring the one to the other. */
  private fitted(): void {
    if (this.hello && this.avatar) this.overlay?.fit(this.avatar.measure(this.hello.skeleton));
    if (this.last) this.apply(this.last);
    this.choose();
  }

  /** The skeleton is also what there is to see when no avatar could be loaded. */
  private choose(): void {
    const alone = !this.avatar && this.loading === "";
    if (this.overlay) this.overlay.object.visible = this.last !== null && (this.skeleton || alone);
    this.hud.stage(!this.avatar && !this.overlay?.object.visible);
    this.wake();
  }

  private apply(pose: PoseMessage): void {
    if (!this.hello) return;
    const { skeleton, expressions } = this.hello;
    const body: BodyPose = this.mirror ? mirrored(pose, skeleton.names, expressions) : pose;
    this.avatar?.pose(body, this.hello);
    this.overlay?.pose(body);
  }
}
