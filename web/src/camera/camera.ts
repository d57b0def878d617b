// The page's own camera, or a video file in its place: watched, and each picture that the detector has time for turned into keypoints.

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
  if (name === "NotAllowedError")
    return "The browser does not let this page use the camera: allow it in the address bar, then press C again.";
  if (name === "NotFoundError" || name === "OverconstrainedError")
    return "This device has no camera that the browser can see: connect one, then press C again.";
  if (name === "NotReadableError" || name === "AbortError")
    return "The camera is in use by another program: close that, then press C again.";
  return `The camera could not be opened: ${error instanceof Error ? error.message : String(error)}.`;
}

/** The server may still be letting the same camera go: tries, and milliseconds between them. */
const TRIES = 4;
const PAUSE = 700;

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
    readonly file: File | null,
    private readonly on: Watcher,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
  }

  async open(): Promise<void> {
    const name = this.file ? await this.openFile(this.file) : await this.openCamera();
    if (name === null) return;
    if (this.closed) return this.close();
    const opened = (): void => this.on.opened(name, this.video.videoWidth, this.video.videoHeight);
    opened();
    // A video's end and its beginning are not one movement.
    this.video.addEventListener("ended", () => {
      opened();
      void this.video.play();
    });
    this.worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.answered(data);
    this.worker.onerror = () =>
      this.fail(
        "The detector could not be started in this browser: update the browser, or use `mocap live --camera 0`.",
      );
    this.tell({ models: this.models });
    this.watch();
  }

  /** Its name; null where it failed. */
  private async openCamera(): Promise<string | null> {
    if (!navigator.mediaDevices) {
      this.fail(
        "The browser gives the camera only to pages from this machine or over HTTPS: open the page at localhost.",
      );
      return null;
    }
    for (let left = TRIES; ; ) {
      try {
        this.stream = await navigator.mediaDevices.getUserMedia({
          video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" },
          audio: false,
        });
        this.video.srcObject = this.stream;
        await this.video.play();
        break;
      } catch (error) {
        if (
          --left > 0 &&
          !this.closed &&
          error instanceof DOMException &&
          error.name === "NotReadableError"
        ) {
          await new Promise((resolve) => window.setTimeout(resolve, PAUSE));
          continue;
        }
        this.fail(reason(error));
        return null;
      }
    }
    const [track] = this.stream.getVideoTracks();
    track?.addEventListener("ended", () =>
      this.fail(
        "The camera was disconnected, or taken by another program: press C to open it again.",
      ),
    );
    return track?.label ?? "";
  }

  private async openFile(file: File): Promise<string | null> {
    this.video.src = URL.createObjectURL(file);
    try {
      await this.video.play();
      return file.name;
    } catch {
      this.fail(
        `This browser cannot play ${file.name}: try \`mocap live --video\` with it, which reads more kinds of video.`,
      );
      return null;
    }
  }

  close(): void {
    this.closed = true;
    this.worker?.terminate();
    this.worker = null;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    if (this.video.src) URL.revokeObjectURL(this.video.src);
    this.video.removeAttribute("src");
  }

  /** Another one of the people in view from now on. */
  next(): void {
    this.tell({ next: true });
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
    if ("failed" in message)
      return this.fail(`The detector failed: ${message.failed}. Reload the page to try again.`);
    this.busy = false;
    if ("ready" in message) return;
    const { frame, found, bitmap, took } = message;
    const at = this.began.get(frame) ?? performance.now() / 1000;
    this.began.delete(frame);
    this.on.seen({ frame, at, found, bitmap, took });
  }

  /** With each new picture of the camera: to the detector if it has time, else passed over. */
  private watch(): void {
    this.video.requestVideoFrameCallback((now) => {
      if (this.closed) return;
      this.watch();
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
