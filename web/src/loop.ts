// The display loop: once a display frame, the newest poses are applied, drawn and acknowledged.

import type { LiveStream } from "./live";
import type { PicturePanel } from "./picture/panel";
import type { Player } from "./playback/player";
import type { PoseMessage } from "./protocol/binary";
import type { Connection } from "./protocol/connection";
import type { Guests } from "./stage/guests";
import type { Performer } from "./stage/performer";
import type { Stage } from "./stage/stage";
import type { View } from "./view";

/** Seconds that hair, cloth and the camera need to come to rest after the last pose or touch. */
const SETTLE = 1.5;
/** Poses within so many seconds of each other are a stream. */
const BETWEEN = 0.12;
/** The longest step of the simulation of hair and cloth, seconds. */
const LONGEST_STEP = 0.1;

export const seconds = (): number => performance.now() / 1000;

/** What the loop draws, and where the poses come from. */
export interface Scene {
  readonly stage: Stage | null;
  readonly performer: Performer;
  readonly guests: Guests;
  readonly picture: PicturePanel;
  readonly player: Player;
  readonly live: LiveStream;
  readonly connection: Connection;
  readonly view: View;
}

/** Until when there is something to draw without a new pose. */
export class Wakefulness {
  until = 0;
  /** Whether the user moves the camera. */
  held = false;

  wake(): void {
    this.until = seconds() + SETTLE;
  }
}

export class DisplayLoop {
  private posed = -Infinity;
  private resting = false;
  private ticked = seconds();
  private drew = seconds();

  constructor(
    private readonly scene: Scene,
    private readonly wakefulness: Wakefulness,
  ) {
    requestAnimationFrame(() => this.tick());
  }

  private tick(): void {
    requestAnimationFrame(() => this.tick());
    const { stage, performer, guests, picture, player, live, connection, view } = this.scene;
    const now = seconds();
    if (now - this.drew < (stage?.pause ?? 0)) return;
    const elapsed = now - this.ticked;
    this.ticked = now;
    const playing = player.on;
    // The stream goes on while a clip plays, so that it is there at once when it is wanted again.
    const streamed = live.take();
    if (playing && streamed) connection.ack(streamed.frame);
    if (player.filmed) {
      this.drew = now;
      return;
    }
    const pose = playing ? player.advance(elapsed, now) : streamed;
    const others = live.hello ? guests.apply(live.hello, view.mirrored, now) : -1;
    if (pose) {
      performer.pose(pose);
      this.posed = now;
    }
    stage?.adapt(elapsed);
    const moving = pose !== null || others >= 0 || this.settling(now);
    const resting = !moving && now - this.posed > BETWEEN;
    if (moving || (resting && !this.resting)) this.draw(now, resting);
    this.resting = resting;
    picture.draw();
    if (playing) return;
    const newest = Math.max(pose?.frame ?? -1, others);
    if (newest >= 0) connection.ack(newest);
    if (pose) this.measure(pose);
  }

  /** Whether something moves without a new pose. During a stream there is one drawing a pose. */
  private settling(now: number): boolean {
    const since = now - this.posed;
    const { held, until } = this.wakefulness;
    return held || now < until || (since > BETWEEN && since < SETTLE);
  }

  private draw(now: number, resting: boolean): void {
    const { stage, performer, guests, player, view } = this.scene;
    const elapsed = Math.min(now - this.drew, LONGEST_STEP);
    this.drew = now;
    performer.update(elapsed);
    guests.update(elapsed);
    stage?.look(player.on ? player.camera(performer.fit, view.mirrored) : null);
    const shades = performer.avatar?.nearGround() ?? [];
    stage?.draw(performer.hips(), shades, elapsed, resting);
  }

  private measure(pose: PoseMessage): void {
    const { stage, performer, live, connection } = this.scene;
    const drawn = seconds();
    const clock = connection.clock.at(drawn);
    // Not counted: frames without anything to see, and the first drawing of a new avatar.
    if ((!stage || performer.visible) && !performer.fresh) {
      live.meter.add(pose.frame, drawn, clock === null ? null : clock - pose.clock);
    }
    performer.fresh = false;
  }
}
