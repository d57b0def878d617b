// What the page plays by itself: a clip, with its timeline, and beside it a second one of the same moments on an avatar of its own.

import type { PoseMessage } from "../protocol/binary";
import type { Guests } from "../stage/guests";
import { Clip, Transport } from "./clip";
import { TimelinePanel } from "./timeline";

/** The second clip's performer. */
const BESIDE = 1;

interface Playing {
  readonly address: string;
  readonly clip: Clip;
  readonly beside: Clip | null;
  readonly transport: Transport;
  readonly panel: TimelinePanel;
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

  /** What plays, and where the marks are. */
  get transport(): Transport | null {
    return this.playing?.transport ?? null;
  }

  get address(): string | null {
    return this.playing?.address ?? null;
  }

  /** Plays what lies at one or two addresses, in the place of what played before, unless it is not wanted any more once it has come.
   * Rejects with an Error whose message says why it cannot be shown. */
  async play(
    addresses: readonly [string, string?],
    joints: readonly string[],
    wanted = (): boolean => true,
  ): Promise<void> {
    const [first, second] = addresses.map(
      (address) => address && new URL(address, location.href).href,
    );
    const clips = await Promise.all(
      [first, second].map((address) => (address ? Clip.load(address, joints.length) : null)),
    );
    if (!wanted()) return;
    this.close();
    const [clip, beside] = clips as [Clip, Clip | null];
    const transport = new Transport(clip.duration);
    this.playing = {
      address: first!,
      clip,
      beside,
      transport,
      panel: new TimelinePanel(clip, transport, joints, this.wake),
    };
    this.guests.clear();
  }

  close(): void {
    if (this.playing?.beside) this.guests.gone(BESIDE);
    this.playing?.panel.close();
    this.playing = null;
    this.lastBeside = null;
  }

  /** The next frame after so many seconds; null while the same one is on. */
  advance(elapsed: number, now: number): PoseMessage | null {
    const { clip, beside, transport, panel } = this.playing!;
    transport.advance(elapsed);
    panel.draw();
    if (beside) {
      const pose = beside.poses[beside.at(transport.time)]!;
      if (pose !== this.lastBeside) this.guests.pose({ ...pose, subject: BESIDE }, now);
      else this.guests.stays(BESIDE, now);
      this.lastBeside = pose;
    }
    const pose = clip.poses[clip.at(transport.time)]!;
    if (pose === this.last) return null;
    return (this.last = pose);
  }
}
