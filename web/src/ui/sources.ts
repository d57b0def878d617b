// Where the movement comes from, as a row of buttons: mocap's own camera or video, this device's
// camera, a video file, or a page of the user's.

import type { CameraChooser } from "../camera/chooser";
import { rememberedCamera } from "../camera/devices";
import type { CameraSession } from "../camera/session";
import type { Connection } from "../protocol/connection";
import type { Hello, SourceInfo } from "../protocol/text";
import { onKey } from "./controls";
import { byId, write } from "./dom";
import type { Messages } from "./messages";
import type { ServerCamerasPanel } from "./server_cameras";

const CHOICES = ["server", "camera", "file", "page"] as const;
type SourceChoice = (typeof CHOICES)[number];

export class SourcesRow {
  private readonly row = byId("sources");
  private readonly file = document.createElement("input");
  /** What the server showed last of its own, for the name of its button. */
  private serverKind: SourceInfo["kind"] = "camera";

  constructor(
    private readonly connection: Connection,
    private readonly session: CameraSession,
    chooser: CameraChooser,
    private readonly serverCameras: ServerCamerasPanel,
    private readonly messages: Messages,
  ) {
    this.file.type = "file";
    this.file.accept = "video/*";
    this.file.addEventListener("change", () => this.fileChosen());
    const press: Record<SourceChoice, () => void> = {
      server: () => this.useServer(),
      camera: () => this.toggleCamera(),
      file: () => this.file.click(),
      page: () => this.usePage(),
    };
    for (const choice of CHOICES) this.button(choice).addEventListener("click", press[choice]);
    onKey("c", this.button("camera"), press.camera);
    byId("choose-camera").addEventListener("click", () => chooser.toggle());
  }

  /** Shows which source is active. */
  show(hello: Hello | null): void {
    const kind = hello?.source.kind;
    this.row.hidden = !kind || kind === "motion";
    if (kind === "video" || kind === "camera") this.serverKind = kind;
    this.serverCameras.offer(kind !== "motion" && this.serverKind === "camera");
    write(this.button("server"), this.serverKind === "video" ? "mocap's video" : "mocap's camera");
    const active = this.active(kind);
    for (const choice of CHOICES) {
      this.button(choice).setAttribute("aria-pressed", String(choice === active));
    }
  }

  private active(kind: SourceInfo["kind"] | undefined): SourceChoice {
    if (this.session.open) return this.session.isFile ? "file" : "camera";
    return kind === "browser" ? "page" : "server";
  }

  private button(choice: SourceChoice): HTMLButtonElement {
    return this.row.querySelector<HTMLButtonElement>(`[data-source="${choice}"]`)!;
  }

  private toggleCamera(): void {
    if (this.session.open && !this.session.isFile) this.session.stop();
    else void this.session.startCamera(rememberedCamera());
  }

  private useServer(): void {
    this.session.stop();
    this.messages.clear("page");
    this.connection.send({ type: "lead", who: "server" });
  }

  private usePage(): void {
    this.session.stop();
    this.connection.send({ type: "lead", who: "browser" });
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ingest`;
    const sentence =
      `Waiting for a web page of yours that sends the results of estimatePoses to ${address} ` +
      "(README, From a page of your own).";
    this.messages.say("page", "info", sentence, 20);
  }

  private fileChosen(): void {
    const [file] = this.file.files ?? [];
    // The same file can be chosen again.
    this.file.value = "";
    if (file) void this.session.startFile(file);
  }
}
