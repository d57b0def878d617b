// Performers beside the first: other pages' cameras, or a second clip. Each has an avatar of its
// own, of the first one's file, a step aside.

import { Avatar } from "../avatar/avatar";
import type { PoseMessage } from "../protocol/binary";
import type { Hello } from "../protocol/text";
import { mirrored } from "./pose";
import type { Stage } from "./stage";

/** Metres between two performers. */
const STEP = 1.15;
/** A performer without a pose for so long (seconds) has left. */
const GONE = 6;

interface Guest {
  avatar: Avatar | null;
  pending: PoseMessage | null;
  /** When the last pose came, seconds. */
  came: number;
}

export class Guests {
  private readonly guests = new Map<number, Guest>();

  /**
   * @param address Gives the address of the avatar's file; null while it is not known.
   * @param changed Called with the number of guests on the stage.
   */
  constructor(
    private readonly stage: Stage | null,
    private readonly address: () => string | null,
    private readonly changed: (count: number) => void,
  ) {}

  /** A new pose of a guest, kept until the next drawing. */
  pose(pose: PoseMessage, now: number): void {
    let guest = this.guests.get(pose.subject);
    if (!guest) {
      guest = { avatar: null, pending: null, came: now };
      this.guests.set(pose.subject, guest);
      void this.load(pose.subject, guest);
    }
    guest.pending = pose;
    guest.came = now;
  }

  /** Keeps a guest whose pose does not change. */
  keep(subject: number, now: number): void {
    const guest = this.guests.get(subject);
    if (guest) guest.came = now;
  }

  /** Returns the guest's pose that was not drawn, if there is one. */
  remove(subject: number): PoseMessage | null {
    const guest = this.guests.get(subject);
    if (!guest) return null;
    this.guests.delete(subject);
    if (guest.avatar) this.stage?.remove(guest.avatar.object);
    guest.avatar?.dispose();
    this.countChanged();
    return guest.pending;
  }

  clear(): void {
    for (const subject of [...this.guests.keys()]) this.remove(subject);
  }

  /** Applies the poses that came since the last call. Returns the newest frame's number, or −1. */
  apply(hello: Hello, mirror: boolean, now: number): number {
    let newest = -1;
    for (const [subject, guest] of this.guests) {
      if (now - guest.came > GONE) this.remove(subject);
      const pose = guest.pending;
      if (!pose) continue;
      newest = Math.max(newest, pose.frame);
      // The newest pose waits until the avatar is loaded: a paused clip sends no other.
      if (!guest.avatar) continue;
      guest.pending = null;
      const { skeleton, expressions } = hello;
      guest.avatar.pose(mirror ? mirrored(pose, skeleton.names, expressions) : pose, hello);
    }
    return newest;
  }

  update(elapsed: number): void {
    for (const { avatar } of this.guests.values()) avatar?.update(elapsed);
  }

  bonePositions(): Record<number, Record<string, [number, number, number]>> {
    return Object.fromEntries(
      [...this.guests].flatMap(([subject, { avatar }]) =>
        avatar ? [[subject, avatar.bonePositions()]] : [],
      ),
    );
  }

  private countChanged(): void {
    this.changed([...this.guests.values()].filter(({ avatar }) => avatar).length);
  }

  private async load(subject: number, guest: Guest): Promise<void> {
    const address = this.address();
    if (!address) return;
    // The first performer's avatar is of the same file, and reports what is wrong with it.
    const avatar = await Avatar.load(address).catch(() => null);
    if (!avatar) return;
    await this.stage?.prepare(avatar.object);
    if (this.guests.get(subject) !== guest) return avatar.dispose();
    // Alternately to the right and to the left of the first performer.
    avatar.object.position.x = Math.ceil(subject / 2) * (subject % 2 ? STEP : -STEP);
    this.stage?.add(avatar.object);
    guest.avatar = avatar;
    this.countChanged();
  }
}
