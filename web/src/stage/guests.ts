// Performers beside the first, whom other pages' cameras see or a second clip shows: each on an avatar of the same kind, a step aside.

import type { PoseMessage } from "../protocol/binary";
import type { Hello } from "../protocol/text";
import { Avatar } from "./avatar";
import { mirrored } from "./pose";
import type { Stage } from "./stage";

/** Metres from one performer to the next. */
const STEP = 1.15;
/** A performer of whom nothing has come for so long (seconds) has left. */
const GONE = 6;

interface Guest {
  avatar: Avatar | null;
  pending: PoseMessage | null;
  came: number;
}

export class Guests {
  private readonly guests = new Map<number, Guest>();

  constructor(
    private readonly stage: Stage | null,
    /** Where the avatar's file is. */
    private readonly address: () => string | null,
    private readonly changed: (count: number) => void,
  ) {}

  get count(): number {
    return [...this.guests.values()].filter(({ avatar }) => avatar).length;
  }

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

  /** Nothing new comes of them, and they stay. */
  stays(subject: number, now: number): void {
    const guest = this.guests.get(subject);
    if (guest) guest.came = now;
  }

  gone(subject: number): void {
    const guest = this.guests.get(subject);
    if (!guest) return;
    this.guests.delete(subject);
    if (guest.avatar) this.stage?.remove(guest.avatar.object);
    guest.avatar?.dispose();
    this.changed(this.count);
  }

  /** Everybody of an old scene. */
  clear(): void {
    for (const subject of [...this.guests.keys()]) this.gone(subject);
  }

  /** Takes on what came since the last drawing: the newest frame's number, −1 where nothing did. */
  apply(hello: Hello, mirror: boolean, now: number): number {
    let newest = -1;
    for (const [subject, guest] of this.guests) {
      if (now - guest.came > GONE) this.gone(subject);
      const pose = guest.pending;
      if (!pose) continue;
      newest = Math.max(newest, pose.frame);
      // Until there is an avatar the newest pose waits for it: of a clip that stands still no other comes.
      if (!guest.avatar) continue;
      guest.pending = null;
      guest.avatar.pose(
        mirror ? mirrored(pose, hello.skeleton.names, hello.expressions) : pose,
        hello,
      );
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

  private async load(subject: number, guest: Guest): Promise<void> {
    const address = this.address();
    if (!address) return;
    try {
      const avatar = await Avatar.load(address);
      await this.stage?.prepare(avatar.object);
      if (this.guests.get(subject) !== guest) return avatar.dispose();
      // To the right and to the left of the first, in turn.
      avatar.object.position.x = Math.ceil(subject / 2) * (subject % 2 ? STEP : -STEP);
      this.stage?.add(avatar.object);
      guest.avatar = avatar;
      this.changed(this.count);
    } catch {
      // The first performer's avatar is of the same file: what is wrong with it has been said.
    }
  }
}
