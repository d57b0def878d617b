// The page's own camera: asked for, watched, and each picture that the detector has time for turned into keypoints.

import type { Found, FromWorker, ToWorker } from "./messages";

export interface Seen {
  readonly frame: number;
  /** The page's seconds at which the picture came. */
  readonly at: number;
  readonly found: Found | null;
  /** The picture; whoever is told of it closes it. */
  readonly bitmap: ImageBitmap;
  /** Milliseconds that the detector took. */
  readonly took: number;
}

export interface Watcher {
  opened(name: string, width: number, height: number): void;
  seen(seen: Seen): void;
  /** A sentence that says what is wrong and what to do; the camera is closed. */
  failed(sentence: string): void;
}

/** Why the camera cannot be used, as a sentence for the person who wants to. */
export function reason(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The browser does not let this page use the camera: allow it in the address bar, then press C again.";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "This device has no camera that the browser can see: connect one, then press C again.";
  if (name === "NotReadableError" || name === "AbortError") return "The camera is in use by another program: close that, then press C again.";
  return `The camera could not be opened: ${error instanceof Error ? error.message : String(error)}.`;
}

export class OwnCamera {
  private worker: Worker | null = null;
  private stream: MediaStream | null = null;
  private readonly video = document.createElement("video");
  private readonly began = new Map<number, number>();
  private busy = true;
  private frame = 0;
  private closed = false;

  constructor(
    private readonly models: string,
    private readonly on: Watcher,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
  }

  async open(): Promise<void> {
    if (!navigator.mediaDevices) {
      return this.fail("The browser gives the camera only to pages from this machine or over HTTPS: open the page at localhost.");
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" }, audio: false });
      this.video.srcObject = this.stream;
      await this.video.play();
    } catch (error) {
      return this.fail(reason(error));
    }
    if (this.closed) return this.close();
    const [track] = this.stream.getVideoTracks();
    track?.addEventListener("ended", () => this.fail("The camera was disconnected, or taken by another program: press C to open it again."));
    this.on.opened(track?.label ?? "", this.video.videoWidth, this.video.videoHeight);
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.answered(data);
    this.worker.onerror = () => this.fail("The detector could not be started in this browser: update the browser, or use `mocap live --camera 0`.");
    this.tell({ models: this.models });
    this.next();
  }

  close(): void {
    this.closed = true;
    this.worker?.terminate();
    this.worker = null;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  private fail(sentence: string): void {
    if (this.closed) return;
    this.close();
    this.on.failed(sentence);
  }

  private tell(message: ToWorker, transfer: Transferable[] = []): void {
    this.worker?.postMessage(message, transfer);
  }

  private answered(message: FromWorker): void {
    if ("failed" in message) return this.fail(`The detector failed: ${message.failed}. Reload the page to try again.`);
    this.busy = false;
    if ("ready" in message) return;
    const { frame, found, bitmap, took } = message;
    const at = this.began.get(frame) ?? performance.now() / 1000;
    this.began.delete(frame);
    this.on.seen({ frame, at, found, bitmap, took });
  }

  /** With each new picture of the camera: to the detector if it has time, else passed over. */
  private next(): void {
    this.video.requestVideoFrameCallback((now) => {
      if (this.closed) return;
      this.next();
      if (this.busy) return;
      this.busy = true;
      const frame = ++this.frame;
      this.began.set(frame, now / 1000);
      createImageBitmap(this.video).then(
        (bitmap) => this.tell({ bitmap, time: now, frame }, [bitmap]),
        () => (this.busy = false),
      );
    });
  }
}
