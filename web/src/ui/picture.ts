// The source's picture with the landmarks drawn over it, in a corner: resizable, and gone at a key.

import type { KeypointsMessage, PictureMessage } from "../protocol/binary";
import type { StreamSource } from "../protocol/text";
import { LEFT, MIDDLE, RIGHT } from "../stage/skeleton";

/** The lines between the 33 landmarks, by index: BlazePose's POSE_CONNECTIONS without the face's inner lines. */
// biome-ignore format: one chain of landmarks a line
export const LINES: readonly (readonly [number, number])[] = [
  [0, 2], [2, 7], [0, 5], [5, 8], [9, 10],
  [11, 12], [11, 23], [12, 24], [23, 24],
  [11, 13], [13, 15], [15, 17], [17, 19], [19, 15], [15, 21],
  [12, 14], [14, 16], [16, 18], [18, 20], [20, 16], [16, 22],
  [23, 25], [25, 27], [27, 29], [29, 31], [31, 27],
  [24, 26], [26, 28], [28, 30], [30, 32], [32, 28],
];
/** Landmarks of the performer's left: 1 to 3, and the odd ones from 7 on. 0 is the nose. */
export const side = (i: number): string =>
  i === 0 ? MIDDLE : i < 7 ? (i < 4 ? LEFT : RIGHT) : i % 2 ? LEFT : RIGHT;
/** Below this confidence a landmark is not drawn; from there to 1 it gains in strength. */
const UNSURE = 0.2;

/** Points of the body, and of each hand after them. */
const BODY = 33;
const HAND = 21;

const NARROWEST = 96;
const STEP = 24;

export class PicturePanel {
  private readonly canvas: HTMLCanvasElement;
  private readonly handle: HTMLElement;
  private image: { readonly frame: number; readonly bitmap: ImageBitmap } | null = null;
  private decoding = false;
  private waiting: PictureMessage | null = null;
  private keypoints: KeypointsMessage | null = null;
  private source: StreamSource | null = null;
  private dirty = false;
  private flipped = false;

  constructor(private readonly panel: HTMLElement) {
    this.canvas = panel.querySelector("canvas")!;
    this.handle = panel.querySelector("[role=slider]")!;
    this.resizable();
  }

  /** A new source. The panel stays away until there is a picture or a landmark to show: a motion has neither. */
  open(source: StreamSource): void {
    this.source = source;
    this.image?.bitmap.close();
    this.image = null;
    this.keypoints = null;
    this.waiting = null;
    this.panel.toggleAttribute("data-empty", true);
    this.panel.style.setProperty("--aspect", String(source.width / source.height));
  }

  picture(picture: PictureMessage): void {
    // The newest wins here too: pictures that come while one is decoded replace each other.
    this.waiting = picture;
    if (!this.decoding) void this.decode();
  }

  /** A picture of the page's own camera. */
  own(bitmap: ImageBitmap, frame: number): void {
    this.image?.bitmap.close();
    this.image = { frame, bitmap };
    this.changed();
  }

  points(keypoints: KeypointsMessage): void {
    this.keypoints = keypoints;
    this.changed();
  }

  mirror(on: boolean): void {
    this.flipped = on;
    this.dirty = true;
  }

  /** Draws what is new; once a display frame. */
  draw(): void {
    if (!this.dirty || this.panel.clientWidth === 0 || !this.source) return;
    this.dirty = false;
    // The canvas has the page's own pixels, so that thin lines stay thin lines.
    const width = Math.round(this.canvas.clientWidth * Math.min(window.devicePixelRatio, 2));
    const height = Math.round(this.canvas.clientHeight * Math.min(window.devicePixelRatio, 2));
    if (this.canvas.width !== width || this.canvas.height !== height)
      Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.setTransform(this.flipped ? -1 : 1, 0, 0, 1, this.flipped ? width : 0, 0);
    context.clearRect(0, 0, width, height);
    if (this.image) context.drawImage(this.image.bitmap, 0, 0, width, height);
    // Points of another frame than the picture's would swim beside the body.
    if (this.keypoints && (!this.image || this.keypoints.frame >= this.image.frame))
      this.landmarks(context, width, height);
  }

  private landmarks(context: CanvasRenderingContext2D, width: number, height: number): void {
    const { image, confidence } = this.keypoints!;
    const thick = Math.max(1.5, Math.min(width, height) / 130);
    const sure = (i: number): number =>
      Number.isNaN(image[2 * i]!) ? 0 : Math.max(0, (confidence[i]! - UNSURE) / (1 - UNSURE));
    const x = (i: number): number => image[2 * i]! * width;
    const y = (i: number): number => image[2 * i + 1]! * height;
    context.lineCap = "round";
    context.lineWidth = thick;
    for (const [a, b] of LINES) {
      const strength = Math.min(sure(a), sure(b));
      if (strength <= 0) continue;
      context.globalAlpha = 0.35 + 0.65 * strength;
      context.strokeStyle = side(a) === side(b) ? side(a) : MIDDLE;
      context.beginPath();
      context.moveTo(x(a), y(a));
      context.lineTo(x(b), y(b));
      context.stroke();
    }
    for (let i = BODY; i < confidence.length; i++) {
      if (Number.isNaN(image[2 * i]!)) continue;
      context.fillStyle = i < BODY + HAND ? LEFT : RIGHT;
      context.beginPath();
      context.arc(x(i), y(i), 0.6 * thick, 0, 2 * Math.PI);
      context.fill();
    }
    for (let i = 0; i < BODY; i++) {
      if (sure(i) <= 0) continue;
      context.globalAlpha = 0.35 + 0.65 * sure(i);
      context.fillStyle = side(i);
      context.beginPath();
      context.arc(x(i), y(i), 1.35 * thick, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
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
      try {
        const bitmap = await createImageBitmap(
          new Blob([jpeg as Uint8Array<ArrayBuffer>], { type: "image/jpeg" }),
        );
        this.image?.bitmap.close();
        this.image = { frame, bitmap };
        this.changed();
      } catch {
        // A damaged picture: the one before it stays, and the next comes in a moment.
      }
    }
    this.decoding = false;
  }

  /** The handle at the right corner makes the panel wider and narrower, by pointer or arrow keys. */
  private resizable(): void {
    const set = (width: number): void => {
      const widest = Math.max(
        NARROWEST,
        Math.min(
          window.innerWidth - 32,
          window.innerHeight * 0.7 * Number(this.panel.style.getPropertyValue("--aspect") || 1),
        ),
      );
      const now = Math.round(Math.min(Math.max(width, NARROWEST), widest));
      this.panel.style.setProperty("--width", `${now}px`);
      this.handle.setAttribute("aria-valuenow", String(now));
      this.handle.setAttribute("aria-valuemin", String(NARROWEST));
      this.handle.setAttribute("aria-valuemax", String(Math.round(widest)));
      this.dirty = true;
    };
    this.handle.addEventListener("pointerdown", (down) => {
      down.preventDefault();
      const from = this.panel.offsetWidth;
      const move = (event: PointerEvent): void => set(from + event.clientX - down.clientX);
      this.handle.setPointerCapture(down.pointerId);
      this.handle.addEventListener("pointermove", move);
      this.handle.addEventListener(
        "lostpointercapture",
        () => this.handle.removeEventListener("pointermove", move),
        { once: true },
      );
    });
    this.handle.addEventListener("keydown", (event) => {
      const step = { ArrowRight: STEP, ArrowUp: STEP, ArrowLeft: -STEP, ArrowDown: -STEP }[
        event.key
      ];
      if (step === undefined) return;
      event.preventDefault();
      set(this.panel.offsetWidth + step);
    });
    new ResizeObserver(() => (this.dirty = true)).observe(this.panel);
  }
}
