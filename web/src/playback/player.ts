// Plays a clip with its timeline and, beside it, a second clip of the same moments.

import type { PoseMessage } from "../protocol/binary";
import type { Guests } from "../stage/guests";
import { Clip } from "./clip";
import { TimelinePanel } from "./timeline";
import { Transport } from "./transport";

/** The subject of the second clip's performer. */
const BESIDE = 1;

interface Playing {
  readonly address: string;
  readonly clip: Clip;
  readonly beside: Clip | null;
  readonly transport: Transport;
  readonly panel: TimelinePanel;
}

export interface PlayOptions {
  /** Whether the moment, marks and speed of the clip before are kept: it is of the same take. */
  readonly keep?: boolean;
  /** Asked once the clip is loaded: whether it is still to be played. */
  readonly wanted?: () => boolean;
}

export class Player {
  private playing: Playing | null = null;
  private last: PoseMessage | null = null;
  private lastBeside: PoseMessage | null = null;

  constructor(
    private readonly guests: Guests,
    private readonly wake: () => void,
  ) {}

  get on(): boolean {
    return this.playing !== null;
  }

  get transport(): Transport | null {
    return this.playing?.transport ?? null;
  }

  get address(): string | null {
    return this.playing?.address ?? null;
  }

  /**
   * Plays the clip at one address, or the clips at two.
   *
   * @throws Error whose message says why it cannot be shown.
   */
  async play(
    addresses: readonly [string, string?],
    joints: readonly string[],
    { keep = false, wanted = () => true }: PlayOptions = {},
  ): Promise<void> {
    const [first, second] = addresses.map((a) => a && new URL(a, location.href).href);
    const load = (a: string | undefined) => (a ? Clip.load(a, joints.length) : null);
    const [clip, beside] = await Promise.all([load(first), load(second)]);
    if (!clip || !wanted()) return;
    const transport = new Transport(clip.duration);
    if (keep && this.transport) transport.restore(this.transport);
    this.close();
    const panel = new TimelinePanel(clip, transport, joints, this.wake);
    this.playing = { address: first!, clip, beside: beside ?? null, transport, panel };
    this.guests.clear();
  }

  close(): void {
    if (this.playing?.beside) this.guests.remove(BESIDE);
    this.playing?.panel.close();
    this.playing = this.last = this.lastBeside = null;
  }

  /** The pose after so many seconds; null while it is the same as before. */
  advance(elapsed: number, now: number): PoseMessage | null {
    const { clip, beside, transport, panel } = this.playing!;
    transport.advance(elapsed);
    panel.draw();
    if (beside) {
      const pose = beside.poses[beside.at(transport.time)]!;
      if (pose !== this.lastBeside) this.guests.pose({ ...pose, subject: BESIDE }, now);
      else this.guests.keep(BESIDE, now);
      this.lastBeside = pose;
    }
    const pose = clip.poses[clip.at(transport.time)]!;
    if (pose === this.last) return null;
    this.last = pose;
    return pose;
  }
}
