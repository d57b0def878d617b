// The page's own camera, or a video file in its place. Each picture for which the detector has time
// becomes keypoints.

import { drawnBySoftware } from "../software";
import type { Detection, FromWorker, PicturePoint, ToWorker } from "./messages";

export interface Seen {
  readonly frame: number;
  /** The page's seconds at which the picture came. */
  readonly at: number;
  readonly found: Detection | null;
  /** The listener closes it. */
  readonly bitmap: ImageBitmap;
  /** Milliseconds of detection. */
  readonly took: number;
}

export interface CameraListener {
  seen(seen: Seen): void;
  /** A video file begins again from its start. */
  restarted(): void;
  /** The camera was closed for this reason, a sentence. */
  failed(sentence: string): void;
}

/** The device that faces away from the user of a phone. */
export const REAR = "facing:environment";

/** Which camera to open, and at which size. */
export interface CameraChoice {
  /** From `enumerateDevices`, or REAR; empty for the browser's default, which faces the user. */
  readonly device: string;
  /** Pixels; the browser takes the nearest that the camera has. */
  readonly height: number;
}

/** The camera or the file cannot be opened; its message is a sentence. */
export class CameraError extends Error {
  /** @param busy Whether the device is in use by another program, perhaps by the mocap server. */
  constructor(
    message: string,
    readonly busy = false,
  ) {
    super(message);
  }
}

/** Milliseconds between the detector's ticks. */
const TICK = 33;
/** After so many milliseconds without a new picture the browser may show another window. */
const UNSEEN = 250;

const WORKS_IN = "a current Chrome, Edge or Firefox, or iOS 17 or newer";

/** Why this browser cannot run the detector, as a sentence; null if it can. */
export function unsupported(): string | null {
  const frames = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
  // In a worker the detector reads pictures from such a canvas.
  if (frames && "OffscreenCanvas" in window) return null;
  return (
    `This browser cannot detect people in a camera's picture: use ${WORKS_IN}, ` +
    "or the camera of the computer that runs mocap."
  );
}

/** The camera's error as a sentence for the user. */
export function cameraError(error: unknown): CameraError {
  const name = error instanceof DOMException ? error.name : "";
  switch (name) {
    case "NotAllowedError":
      return new CameraError(
        "The browser does not let this page use the camera: allow it in the address bar, then " +
          "choose this device's camera again.",
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return new CameraError(
        "This device has no camera that the browser can see: connect one, then choose this " +
          "device's camera again.",
      );
    case "NotReadableError":
    case "AbortError":
      return new CameraError(
        "The camera is in use by another program: close that, then choose this device's camera " +
          "again.",
        true,
      );
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new CameraError(`The camera could not be opened: ${reason}.`);
}

/** Opens a camera of this device. Throws CameraError. */
export async function openStream({ device, height }: CameraChoice): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw new CameraError(
      "The browser gives the camera only to pages from this machine or over HTTPS: open the page " +
        "at localhost.",
    );
  }
  const video: MediaTrackConstraints = {
    width: { ideal: Math.round((height * 16) / 9) },
    height: { ideal: height },
    ...(device && device !== REAR
      ? { deviceId: { exact: device } }
      : { facingMode: device ? "environment" : "user" }),
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    const missing = error instanceof DOMException && error.name === "OverconstrainedError";
    // The camera that was chosen on an earlier visit is not connected.
    if (missing && device) return openStream({ device: "", height });
    throw cameraError(error);
  }
}

/** A detector that loads before a camera is chosen. */
interface Prepared {
  readonly models: string;
  readonly worker: Worker;
  /** What it has said so far. */
  said: FromWorker | null;
}

let prepared: Prepared | null = null;

function startDetector(models: string): Worker {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.postMessage({ models } satisfies ToWorker);
  return worker;
}

/**
 * Loads a detector, so that the next camera finds it ready.
 *
 * @param models The folder's address.
 * @param answered Called when it is ready or has failed.
 */
export function prepareDetector(models: string, answered: () => void): void {
  prepared?.worker.terminate();
  const made: Prepared = { models, worker: startDetector(models), said: null };
  const failed = (): void => {
    answered();
    made.worker.terminate();
    if (prepared === made) prepared = null; // the camera tries again, and says what is wrong
  };
  made.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    made.said = data;
    if ("failed" in data) failed();
    else answered();
  };
  made.worker.onerror = failed;
  prepared = made;
}

/** The prepared detector of these models, which is no longer prepared then; null without one. */
function takePrepared(models: string): Prepared | null {
  const found = prepared;
  prepared = null;
  if (found?.models === models) return found;
  found?.worker.terminate();
  return null;
}

export class OwnCamera {
  name = "";
  private worker: Worker | null = null;
  private stream: MediaStream | null = null;
  private readonly video = document.createElement("video");
  private readonly pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
  /** When each picture came that the detector has, by its frame. */
  private readonly began = new Map<number, number>();
  private busy = true;
  private frame = 0;
  /** When the browser last showed a picture, milliseconds. */
  private showed = -Infinity;
  /** How many pictures the video had had when the detector got one. */
  private newest = -1;
  private closed = false;

  /** @param models The address of the folder of models. */
  constructor(
    private readonly models: string,
    private readonly on: CameraListener,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
  }

  /** Whether it faces away from the user, whom a mirror would confuse then. */
  get facesAway(): boolean {
    const [track] = this.stream?.getVideoTracks() ?? [];
    return track?.getSettings().facingMode === "environment";
  }

  get width(): number {
    return this.video.videoWidth;
  }

  get height(): number {
    return this.video.videoHeight;
  }

  /** Opens a camera and starts the detector. Throws CameraError. */
  async openCamera(choice: CameraChoice): Promise<void> {
    this.stream = await openStream(choice);
    if (this.closed) return this.close();
    this.video.srcObject = this.stream;
    try {
      await this.video.play();
    } catch (error) {
      this.close();
      throw cameraError(error);
    }
    const [track] = this.stream.getVideoTracks();
    track?.addEventListener("ended", () =>
      this.fail(
        "The camera was disconnected or taken by another program: choose this device's camera " +
          "to open it again.",
      ),
    );
    this.name = track?.label ?? "";
    this.detect();
  }

  /** Plays a video file in a loop and starts the detector. Throws CameraError. */
  async openFile(file: File): Promise<void> {
    this.video.src = URL.createObjectURL(file);
    try {
      await this.video.play();
    } catch {
      this.close();
      throw new CameraError(
        `This browser cannot play ${file.name}: \`mocap live --video\` reads more kinds of video.`,
      );
    }
    this.name = file.name;
    this.video.addEventListener("ended", () => {
      this.on.restarted();
      void this.video.play();
    });
    this.detect();
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

  /** Follows the person at a point of the picture, or the next person. */
  follow(at: PicturePoint | null): void {
    this.tell({ follow: at });
  }

  private detect(): void {
    if (this.closed) return this.close();
    const ready = takePrepared(this.models);
    this.worker = ready?.worker ?? startDetector(this.models);
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.answered(data);
    this.worker.onerror = () =>
      this.fail(
        `The detector could not be started in this browser: use ${WORKS_IN}, or the camera of ` +
          "the computer that runs mocap.",
      );
    if (ready?.said) this.answered(ready.said);
    this.watch();
    this.tell({ tick: TICK });
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
    if ("failed" in message) {
      return this.fail(`The detector failed: ${message.failed}. Reload the page to try again.`);
    }
    if ("tick" in message) return this.ticked();
    this.busy = false;
    if ("ready" in message) return;
    const { frame, found, bitmap, took } = message;
    const at = this.began.get(frame) ?? performance.now() / 1000;
    this.began.delete(frame);
    this.on.seen({ frame, at, found, bitmap, took });
  }

  /** Sends each picture that the browser shows. */
  private watch(): void {
    this.video.requestVideoFrameCallback((now) => {
      if (this.closed) return;
      this.watch();
      this.showed = now;
      this.detectAt(now);
    });
  }

  /** Sends the camera's picture if the browser shows none, as behind another tab or a game. */
  private ticked(): void {
    const now = performance.now();
    if (!this.stream || now - this.showed < UNSEEN || this.pictures() === this.newest) return;
    this.detectAt(now);
  }

  /** How many pictures the video has had; not all browsers count a camera's. */
  private pictures(): number {
    return this.video.getVideoPlaybackQuality().totalVideoFrames;
  }

  /** Sends the video's picture to the detector, if that has time. */
  private detectAt(now: number): void {
    if (this.busy || this.closed) return;
    this.busy = true;
    this.newest = this.pictures();
    const frame = ++this.frame;
    this.began.set(frame, now / 1000);
    this.picture().then(
      (bitmap) => this.tell({ bitmap, time: now, frame }, [bitmap]),
      () => {
        this.busy = false;
      },
    );
  }

  /** The video's picture. */
  private picture(): Promise<ImageBitmap> {
    if (!drawnBySoftware()) return createImageBitmap(this.video);
    // A picture in memory: to read another one's pixels, the detector waits for the drawing.
    const { canvas } = this.pen;
    if (canvas.width !== this.width || canvas.height !== this.height) {
      [canvas.width, canvas.height] = [this.width, this.height];
    }
    this.pen.drawImage(this.video, 0, 0);
    return createImageBitmap(canvas);
  }
}
