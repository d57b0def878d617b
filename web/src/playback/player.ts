// Plays a clip with its timeline and, beside it, a second clip of the same moments.

import type { PicturePanel } from "../picture/panel";
import type { PoseMessage } from "../protocol/binary";
import type { Guests } from "../stage/guests";
import type { BodyFit } from "../stage/pose";
import type { FixedCamera } from "../stage/stage";
import { Clip } from "./clip";
import { Overlay, sourceCamera } from "./overlay";
import { type ClipPicture, ClipPictures } from "./pictures";
import { TimelinePanel } from "./timeline";
import { Transport } from "./transport";

/** The subject of the second clip's performer. */
const BESIDE = 1;

/** Times of pictures and poses are rounded, seconds. */
const ROUNDING = 1e-3;

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
  /** Asked once the clip is loaded: whether it is still to be played. */
  readonly wanted?: () => boolean;
}

const DAMAGED = "Some pictures of this take are damaged: the ones before them are shown.";

export class Player {
  /** While a film is made: whether the avatar is over the pictures in it; else null. */
  private film: boolean | null = null;
  private playing: Playing | null = null;
  private readonly overlay = new Overlay();
  /** Whether the avatar is wanted over the picture. */
  private over = false;
  private last: PoseMessage | null = null;
  private lastBeside: PoseMessage | null = null;
  /** Index of the picture that is shown; −1 without one. */
  private lastPicture = -1;
  /** Index of the picture of the moment, which is not shown if it is damaged. */
  private wantedPicture = -1;
  private decoding = false;

  constructor(
    private readonly guests: Guests,
    private readonly panel: PicturePanel,
    private readonly wake: () => void,
    private readonly say: (sentence: string) => void = () => undefined,
  ) {}

  /** Whether a film is made: it chooses the moments, and the display loop draws nothing. */
  get filmed(): boolean {
    return this.film !== null;
  }

  /** A film keeps the way of showing with which it begins; another wish takes effect after it. */
  set filmed(on: boolean) {
    this.film = on ? this.overlaid : null;
    this.layOver(this.over);
  }

  get on(): boolean {
    return this.playing !== null;
  }

  get transport(): Transport | null {
    return this.playing?.transport ?? null;
  }

  /** Times of the clip's frames, seconds. */
  get times(): readonly number[] {
    return this.playing?.clip.timeline.times ?? [];
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
    const source = clip?.timeline.source;
    const seen = source ? await ClipPictures.load(first!, source) : null;
    if (!clip || !wanted()) return;
    const transport = new Transport(clip.duration);
    if (keep && this.transport) transport.restore(this.transport);
    this.close();
    const panel = new TimelinePanel(clip, transport, joints, this.wake, {
      able: seen?.source.views != null,
      set: (on) => this.layOver(on),
    });
    this.playing = {
      address: first!,
      clip,
      beside: beside ?? null,
      pictures: seen,
      transport,
      panel,
    };
    this.guests.clear();
    this.panel.play(seen?.source.aspect ?? null);
    document.body.toggleAttribute("data-pictures", seen !== null);
    this.layOver(this.over);
  }

  /** Shows the avatar over the pictures, or the pictures in the corner. */
  layOver(on: boolean): void {
    this.over = on;
    this.overlay.show(this.overlaid);
    this.playing?.panel.showOverlay(this.overlaid);
    // The picture is shown again in its new place, and the pose with it.
    this.lastPicture = this.wantedPicture = -1;
    this.last = null;
    this.wake();
  }

  /** Whether the avatar is over the pictures: it is wanted, and the clip has a camera. */
  get overlaid(): boolean {
    return this.film ?? (this.over && this.canOverlay);
  }

  /** Whether the clip that plays has pictures whose camera is known. */
  get canOverlay(): boolean {
    return this.pictures?.source.views != null;
  }

  mirror(on: boolean): void {
    this.overlay.mirror(on);
  }

  /**
   * The camera of the moment that is shown, while the avatar is over the pictures; else null.
   *
   * @param fit Where the avatar puts the motion's root.
   */
  camera(fit: BodyFit, mirror: boolean): FixedCamera | null {
    const { clip } = this.playing ?? {};
    if (!clip || !this.overlaid) return null;
    return sourceCamera(this.pictures!.source, clip.at(this.moment), fit, mirror);
  }

  /** The moment whose pose is shown: over pictures that of the picture, so that they agree. */
  private get moment(): number {
    const { transport, pictures } = this.playing!;
    if (!pictures || !this.overlaid) return transport.time;
    const time = pictures.source.times[this.lastPicture];
    return time === undefined ? transport.time : time + ROUNDING;
  }

  close(): void {
    if (this.playing?.beside) this.guests.remove(BESIDE);
    this.playing?.panel.close();
    if (this.playing) this.panel.live();
    this.playing = this.last = this.lastBeside = null;
    this.lastPicture = this.wantedPicture = -1;
    this.overlay.show(false);
    this.say("");
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
    if (!this.filmed) void this.showPicture(transport.time);
    if (beside) {
      const pose = beside.poses[beside.at(this.moment)]!;
      if (pose !== this.lastBeside) this.guests.pose({ ...pose, subject: BESIDE }, now);
      else this.guests.keep(BESIDE, now);
      this.lastBeside = pose;
    }
    const pose = clip.poses[clip.at(this.moment)]!;
    if (pose === this.last) return null;
    this.last = pose;
    return pose;
  }

  /** Shows the picture of a moment; while one is decoded, the next moment is waited for. */
  private async showPicture(time: number): Promise<void> {
    const pictures = this.playing?.pictures;
    if (!pictures || this.decoding) return;
    const index = pictures.at(time);
    if (index === this.wantedPicture) return;
    this.decoding = true;
    const picture = await pictures.picture(time);
    this.decoding = false;
    if (pictures !== this.playing?.pictures || this.filmed) return picture?.bitmap.close();
    this.wantedPicture = index;
    this.showsPicture(picture);
    if (this.overlaid) {
      if (picture) this.overlay.draw(picture.bitmap);
      else this.overlay.clear();
    } else if (picture) this.panel.showPlayed(picture.bitmap);
    else this.panel.showNothing();
  }

  /** Over this picture, its own moment's pose is shown next; null without a whole picture. */
  showsPicture(picture: ClipPicture | null): void {
    this.lastPicture = picture?.index ?? -1;
    if (this.pictures?.damaged.size) this.say(DAMAGED);
  }
}
