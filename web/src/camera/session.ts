// The page's camera as the active source: what it sees goes to the server as keypoints, and to the
// corner as the picture. The server's source stays active until the first picture was detected.

import type { PicturePanel } from "../picture/panel";
import { FACE, KEYPOINTS, type KeypointsMessage } from "../protocol/binary";
import type { Connection } from "../protocol/connection";
import { transport } from "../transport";
import { reasonOf } from "../ui/dom";
import type { Messages } from "../ui/messages";
import { type CameraChoice, CameraError, OwnCamera, type Seen, unsupported } from "./camera";
import type { PicturePoint } from "./messages";
import { PictureSender } from "./pictures";

/** The server may need a moment to release the same camera: attempts, and milliseconds between. */
const ATTEMPTS = 4;
const PAUSE = 700;

/** Identifies this page to the server across connections, and when it is loaded again. */
const PAGE = pageName();

const NOTHING = {
  image: new Float32Array(66).fill(NaN),
  positions: new Float32Array(99).fill(NaN),
  confidence: new Float32Array(33),
  face: null,
};

export interface SessionListener {
  /** The session has started, stopped or become active. */
  changed(): void;
  /** Whether the active source is a camera of the server's, which may be the same device. */
  serverHasCamera(): boolean;
}

export class CameraSession {
  private camera: OwnCamera | null = null;
  private active = false;
  /** Counts starts and stops: an older attempt that ends late is dropped. */
  private attempt = 0;
  /** Whether a video file takes the camera's place. */
  isFile = false;
  /** Milliseconds of the last detection. */
  took: number | null = null;
  private readonly sender = new PictureSender((picture) => this.connection.sendPicture(picture));

  constructor(
    private readonly connection: Connection,
    private readonly picture: PicturePanel,
    private readonly messages: Messages,
    private readonly on: SessionListener,
  ) {}

  /** Whether a camera or a file is open. */
  get open(): boolean {
    return this.camera !== null;
  }

  /** Whether a camera is open that faces the user, who then expects a mirror. */
  get facesUser(): boolean {
    return this.camera !== null && !this.isFile && !this.camera.facesAway;
  }

  /** Whether what it sees is shown. */
  get leads(): boolean {
    return this.active;
  }

  startCamera(choice: CameraChoice): Promise<void> {
    return this.start("Opening the camera…", false, (camera) => camera.openCamera(choice));
  }

  startFile(file: File): Promise<void> {
    return this.start(`Opening ${file.name}…`, true, (camera) => camera.openFile(file));
  }

  stop(): void {
    this.attempt++;
    this.messages.clear("camera");
    if (!this.camera) return;
    this.camera.close();
    this.camera = null;
    this.active = false;
    this.on.changed();
  }

  /** Follows the person at a point of the picture, or the next person, as a new take. */
  follow(at: PicturePoint | null): void {
    this.camera?.follow(at);
    this.announce();
  }

  /** Whether the take that is recorded keeps pictures: they are sent while it does. */
  keepPictures(on: boolean): void {
    this.sender.wanted = on;
  }

  /** Tells the server about the camera again, after a new connection. */
  reconnected(): void {
    this.announce();
  }

  private async start(
    sentence: string,
    isFile: boolean,
    open: (camera: OwnCamera) => Promise<void>,
  ): Promise<void> {
    const attempt = ++this.attempt;
    const reason = unsupported();
    if (reason) return this.messages.say("camera", "error", reason, 20);
    this.messages.say("camera", "info", sentence);
    let camera: OwnCamera;
    try {
      camera = await this.opened(open, () => attempt === this.attempt);
    } catch (error) {
      if (attempt === this.attempt) this.messages.say("camera", "error", reasonOf(error), 20);
      return;
    }
    if (attempt !== this.attempt) return camera.close();
    this.camera?.close();
    this.camera = camera;
    this.isFile = isFile;
    this.active = false;
    this.messages.say("camera", "info", "Loading the detector…");
    this.on.changed();
  }

  /** Opens a camera; if the server holds the device, asks the server to release it. */
  private async opened(
    open: (camera: OwnCamera) => Promise<void>,
    wanted: () => boolean,
  ): Promise<OwnCamera> {
    for (let left = ATTEMPTS; ; left--) {
      const camera: OwnCamera = new OwnCamera(transport.models(), {
        seen: (seen) => this.seen(camera, seen),
        restarted: () => this.announce(),
        failed: (reason) => this.failed(camera, reason),
      });
      try {
        await open(camera);
        return camera;
      } catch (error) {
        const busy = error instanceof CameraError && error.busy;
        if (!busy || !wanted() || !this.on.serverHasCamera()) throw error;
        if (left === 1) {
          this.connection.send({ type: "lead", who: "server" });
          throw error;
        }
        if (left === ATTEMPTS) this.connection.send({ type: "lead", who: "browser" });
        await new Promise((resolve) => window.setTimeout(resolve, PAUSE));
      }
    }
  }

  private failed(camera: OwnCamera, reason: string): void {
    if (camera !== this.camera) return;
    this.stop();
    this.messages.say("camera", "error", reason, 20);
  }

  /** Makes this camera the active source. */
  private announce(): void {
    if (!this.camera || !this.active) return;
    const { name, width, height } = this.camera;
    this.connection.send({ type: "lead", who: "browser" });
    this.connection.send({ type: "camera", name, width, height, page: PAGE });
  }

  private seen(camera: OwnCamera, { frame, at, found, bitmap, took }: Seen): void {
    if (camera !== this.camera) return bitmap.close();
    if (!this.active) {
      this.active = true;
      this.messages.clear("camera");
      this.announce();
      this.on.changed();
    }
    this.took = took;
    const clock = this.connection.clock.at(at);
    if (clock === null) return this.picture.show(bitmap, frame);
    const header = { subject: 0, frame, time: at, clock };
    const { face, ...body } = found ?? NOTHING;
    const keypoints: KeypointsMessage = { kind: KEYPOINTS, ...header, ...body };
    const sent = this.connection.sendSeen(
      keypoints,
      face ? { kind: FACE, ...header, ...face } : null,
    );
    if (sent) this.sender.offer(bitmap, header);
    else this.sender.giveWay(at);
    this.picture.show(bitmap, frame);
    this.picture.points(keypoints);
  }
}

/**
 * The page's name: that of the page before in this tab, which left it as it was closed or loaded
 * again, or another one. It is taken out meanwhile, so that a copy of the tab gets its own.
 */
function pageName(): string {
  const kept = "mocap.page";
  const random = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36));
  let name = random.join("-");
  try {
    name = sessionStorage.getItem(kept) ?? name;
    sessionStorage.removeItem(kept);
    addEventListener("pagehide", () => sessionStorage.setItem(kept, name));
    addEventListener("pageshow", () => sessionStorage.removeItem(kept));
  } catch {
    // A browser that stores nothing gives another name each time.
  }
  return name;
}
