// The source's picture in a corner, with the landmarks drawn over it.

import type { KeypointsMessage, PictureMessage } from "../protocol/binary";
import type { SourceInfo } from "../protocol/text";
import { byId, write } from "../ui/dom";
import { drawLandmarks } from "./landmarks";
import { resizable } from "./resize";

/** A picture and the number of its frame. */
interface Shown {
  readonly frame: number;
  readonly bitmap: ImageBitmap;
}

export class PicturePanel {
  private readonly panel = byId("picture");
  private readonly canvas = this.panel.querySelector("canvas")!;
  private readonly caption = this.panel.querySelector<HTMLElement>("figcaption")!;
  private image: Shown | null = null;
  private decoding = false;
  private waiting: PictureMessage | null = null;
  private keypoints: KeypointsMessage | null = null;
  private source: SourceInfo | null = null;
  private dirty = false;
  private flipped = false;
  /** Whether a clip plays: what the source sends is not shown. */
  private playing = false;

  constructor() {
    resizable(this.panel, this.panel.querySelector<HTMLElement>("[role=slider]")!, () => {
      this.dirty = true;
    });
  }

  /** Whether the picture can be seen. */
  get visible(): boolean {
    return this.canvas.clientWidth > 0;
  }

  /** A new source. The panel is hidden until there is a picture or a landmark. */
  open(source: SourceInfo): void {
    this.source = source;
    if (this.playing) return;
    this.clear();
    this.panel.style.setProperty("--aspect", String(source.width / source.height));
  }

  /** Shows the pictures of a clip of this aspect ratio; null: the clip has none. */
  play(aspect: number | null): void {
    this.clear();
    this.playing = true;
    if (aspect !== null) this.panel.style.setProperty("--aspect", String(aspect));
  }

  /** Shows what the source sends again. */
  live(): void {
    this.playing = false;
    this.clear();
    if (this.source) this.open(this.source);
  }

  /** A picture of the clip that plays. The panel closes the bitmap. */
  showPlayed(bitmap: ImageBitmap): void {
    this.replace({ frame: 0, bitmap });
  }

  /** The clip has no picture of this moment. */
  showNothing(): void {
    this.image?.bitmap.close();
    this.image = null;
    this.changed();
  }

  /** The picture that is shown; null without one. */
  get bitmap(): ImageBitmap | null {
    return this.image?.bitmap ?? null;
  }

  /** A picture of the server; while one is decoded, only the newest of the next ones is kept. */
  receive(picture: PictureMessage): void {
    if (this.playing) return;
    this.waiting = picture;
    if (!this.decoding) void this.decode();
  }

  /** A picture of the page's own camera. The panel closes the bitmap. */
  show(bitmap: ImageBitmap, frame: number): void {
    if (this.playing) return bitmap.close();
    this.replace({ frame, bitmap });
  }

  points(keypoints: KeypointsMessage): void {
    if (this.playing) return;
    this.keypoints = keypoints;
    this.changed();
  }

  mirror(on: boolean): void {
    this.flipped = on;
    this.dirty = true;
  }

  /** A sentence over the picture; empty for none. */
  say(sentence: string): void {
    write(this.caption, sentence);
    this.caption.hidden = !sentence;
  }

  /** Calls back with a clicked point of the camera's picture: (x, y), 0 to 1, y down. */
  onPoint(pointed: (at: readonly [number, number]) => void): void {
    this.canvas.addEventListener("click", ({ offsetX, offsetY }) => {
      const x = Math.min(Math.max(offsetX / this.canvas.clientWidth, 0), 1);
      const y = Math.min(Math.max(offsetY / this.canvas.clientHeight, 0), 1);
      pointed([this.flipped ? 1 - x : x, y]);
    });
  }

  /** Draws what is new; called once a display frame. */
  draw(): void {
    if (!this.dirty || !this.visible || !this.source) return;
    this.dirty = false;
    // One canvas pixel a display pixel, so that thin lines stay thin.
    const ratio = Math.min(window.devicePixelRatio, 2);
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    const pen = this.canvas.getContext("2d");
    if (!pen) return;
    pen.setTransform(this.flipped ? -1 : 1, 0, 0, 1, this.flipped ? width : 0, 0);
    pen.clearRect(0, 0, width, height);
    if (this.image) pen.drawImage(this.image.bitmap, 0, 0, width, height);
    // Landmarks of an older frame than the picture's would lie beside the body.
    if (this.keypoints && (!this.image || this.keypoints.frame >= this.image.frame)) {
      drawLandmarks(pen, this.keypoints.image, this.keypoints.confidence, width, height);
    }
  }

  private clear(): void {
    this.image?.bitmap.close();
    this.image = this.keypoints = this.waiting = null;
    this.panel.toggleAttribute("data-empty", true);
  }

  private replace(shown: Shown): void {
    this.image?.bitmap.close();
    this.image = shown;
    this.changed();
  }

  private changed(): void {
    this.panel.removeAttribute("data-empty");
    this.dirty = true;
  }

  private async decode(): Promise<void> {
    this.decoding = true;
    while (this.waiting) {
      const { frame, jpeg } = this.waiting;
      this.waiting = null;
      const blob = new Blob([jpeg as Uint8Array<ArrayBuffer>], { type: "image/jpeg" });
      // A damaged picture is skipped: the next one comes in a moment.
      const bitmap = await createImageBitmap(blob).catch(() => null);
      if (bitmap) this.show(bitmap, frame);
    }
    this.decoding = false;
  }
}
