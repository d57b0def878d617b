// The page's camera in the lead: what it sees goes to the server as keypoints, and into the corner as the picture.

import { FACE, KEYPOINTS, type KeypointsMessage } from "../protocol/binary";
import type { Connection } from "../protocol/connection";
import type { Hud } from "../ui/hud";
import type { PicturePanel } from "../ui/picture";
import { OwnCamera, type Seen } from "./camera";

/** Where mocap/live/cameras.py puts the weights. */
const MODELS = "models/";

export class Lead {
  private camera: OwnCamera | null = null;
  private told: (() => void) | null = null;
  /** Milliseconds that the detector took for the last picture. */
  took: number | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly picture: PicturePanel,
    private readonly hud: Hud,
    private readonly turned: () => void,
  ) {}

  get on(): boolean {
    return this.camera !== null;
  }

  /** Whether it is a video file that is looked at. */
  get file(): boolean {
    return this.camera?.file != null;
  }

  /** The camera on, or off. */
  toggle(): void {
    if (this.camera && !this.file) this.stop();
    else void this.start(null);
  }

  /** A video file in the camera's place, again and again. */
  play(file: File): void {
    void this.start(file);
  }

  /** Another one of the people in view from now on: for the solver, another take. */
  nextPerson(): void {
    this.camera?.next();
    this.told?.();
  }

  /** After a new connection the server does not know who leads. */
  again(): void {
    this.told?.();
  }

  private async start(file: File | null): Promise<void> {
    this.stop();
    this.hud.say("camera", "info", file ? `Opening ${file.name}…` : "Opening the camera…");
    // The server lets its own camera go, which may be the same one.
    this.connection.send({ type: "lead", who: "browser" });
    this.camera = new OwnCamera(new URL(MODELS, location.href).href, file, {
      opened: (name, width, height) => {
        this.hud.say("camera", "info", "Loading the detector…");
        this.told = () => this.connection.send({ type: "camera", name, width, height });
        this.told();
      },
      seen: (seen) => this.seen(seen),
      failed: (sentence) => {
        this.stop();
        this.hud.say("camera", "error", sentence, 20);
      },
    });
    this.turned();
    await this.camera.open();
  }

  stop(): void {
    if (!this.camera) return;
    this.camera.close();
    this.camera = null;
    this.told = null;
    this.hud.say("camera", "info", "");
    this.turned();
  }

  private seen({ frame, at, found, bitmap, took }: Seen): void {
    this.hud.say("camera", "info", "");
    this.took = took;
    this.picture.own(bitmap, frame);
    const clock = this.connection.clock.at(at);
    if (clock === null) return;
    const nobody = {
      image: new Float32Array(66).fill(NaN),
      positions: new Float32Array(99).fill(NaN),
      confidence: new Float32Array(33),
    };
    const header = { subject: 0, frame, time: at, clock };
    const { face, ...body } = found ?? { ...nobody, face: null };
    const keypoints: KeypointsMessage = { kind: KEYPOINTS, ...header, ...body };
    this.picture.points(keypoints);
    this.connection.sendSeen(keypoints, face ? { kind: FACE, ...header, ...face } : null);
  }
}
