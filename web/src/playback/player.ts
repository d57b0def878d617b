// Plays a clip with its timeline and, beside it, a second clip of the same moments.

import type { PicturePanel } from "../picture/panel";
import type { PoseMessage } from "../protocol/binary";
import type { Guests } from "../stage/guests";
import { Clip } from "./clip";
import { ClipPictures, type PictureFile } from "./pictures";
import { TimelinePanel } from "./timeline";
import { Transport } from "./transport";

/** The subject of the second clip's performer. */
const BESIDE = 1;

interface Playing {
  readonly address: string;
  readonly clip: Clip;
  readonly beside: Clip | null;
  readonly pictures: ClipPictures | null;
  readonly transport: Transport;
  readonly panel: TimelinePanel;
}

export interface PlayOptions {
  /** Whether the moment, marks and speed of the clip before are kept: it is of the same take. */
  readonly keep?: boolean;
  /** The pictures that play with it. */
  readonly pictures?: PictureFile | null;
  /** Asked once the clip is loaded: whether it is still to be played. */
  readonly wanted?: () => boolean;
}

export class Player {
  /** Whether a film is made: it chooses the moments, and the display loop draws nothing. */
  filmed = false;
  private playing: Playing | null = null;
  private last: PoseMessage | null = null;
  private lastBeside: PoseMessage | null = null;
  private lastPicture = -1;
  private decoding = false;

  constructor(
    private readonly guests: Guests,
    private readonly panel: PicturePanel,
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
    { keep = false, pictures = null, wanted = () => true }: PlayOptions = {},
  ): Promise<void> {
    const [first, second] = addresses.map((a) => a && new URL(a, location.href).href);
    const load = (a: string | undefined) => (a ? Clip.load(a, joints.length) : null);
    const [clip, beside, seen] = await Promise.all([
      load(first),
      load(second),
      pictures && ClipPictures.load(pictures),
    ]);
    if (!clip || !wanted()) return;
    const transport = new Transport(clip.duration);
    if (keep && this.transport) transport.restore(this.transport);
    this.close();
    const panel = new TimelinePanel(clip, transport, joints, this.wake);
    this.playing = {
      address: first!,
      clip,
      beside: beside ?? null,
      pictures: seen,
      transport,
      panel,
    };
    this.guests.clear();
    this.panel.play(seen?.aspect ?? null);
    document.body.toggleAttribute("data-pictures", seen !== null);
  }

  close(): void {
    if (this.playing?.beside) this.guests.remove(BESIDE);
    this.playing?.panel.close();
    if (this.playing) this.panel.live();
    this.playing = this.last = this.lastBeside = null;
    this.lastPicture = -1;
  }

  /** The pictures that play with the clip; null without any. */
  get pictures(): ClipPictures | null {
    return this.playing?.pictures ?? null;
  }

  /** The pose after so many seconds; null while it is the same as before. */
  advance(elapsed: number, now: number): PoseMessage | null {
    const { clip, beside, transport, panel } = this.playing!;
    transport.advance(elapsed);
    panel.draw();
    void this.showPicture(transport.time);
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

  /** Shows the picture of a moment; while one is decoded, the next moment is waited for. */
  private async showPicture(time: number): Promise<void> {
    const pictures = this.playing?.pictures;
    if (!pictures || this.decoding) return;
    const index = pictures.at(time);
    if (index === this.lastPicture) return;
    this.decoding = true;
    const bitmap = await pictures.decode(index);
    this.decoding = false;
    if (pictures !== this.playing?.pictures) return bitmap?.close();
    this.lastPicture = index;
    if (bitmap) this.panel.showPlayed(bitmap);
  }
}
