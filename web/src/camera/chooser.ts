// The panel that chooses this device's camera and its size, with a preview.

import { button, byId, choice, element, heading, reasonOf, row, write } from "../ui/dom";
import { type CameraChoice, openStream, REAR } from "./camera";
import { cameras, HEIGHTS, rememberCamera, rememberedCamera } from "./devices";

/** Phones have one camera that faces the user and one on their back, before any has its name. */
const PHONE = { "": "Front camera", [REAR]: "Rear camera" };
const isPhone = (): boolean => matchMedia("(pointer: coarse)").matches;

export class CameraChooser {
  private readonly panel = byId("camera");
  private readonly video = element("video", "", { label: "Preview" });
  private readonly note = element("p");
  private readonly list = choice({}, "Camera", () => void this.preview());
  private readonly sizes = choice(HEIGHTS, "Resolution", () => void this.preview());
  private stream: MediaStream | null = null;

  /** @param use Called with the choice when the user wants to use it. */
  constructor(private readonly use: (choice: CameraChoice) => void) {
    this.video.muted = true;
    this.video.playsInline = true;
    this.panel.replaceChildren(
      heading("This device's camera", () => this.show(false), "Close"),
      row(this.list, this.sizes),
      this.video,
      this.note,
      row(button("Use this camera", () => this.chosen(), { class: "primary" })),
    );
  }

  show(on: boolean): void {
    this.panel.hidden = !on;
    if (!on) return this.release();
    const { device, height } = rememberedCamera();
    this.sizes.value = String(height);
    this.list.value = device;
    void this.fill(device).then(() => this.preview());
  }

  toggle(): void {
    this.show(this.panel.hidden !== false);
  }

  private get choice(): CameraChoice {
    return { device: this.list.value, height: Number(this.sizes.value) };
  }

  private chosen(): void {
    const { choice } = this;
    rememberCamera(choice);
    this.show(false);
    this.use(choice);
  }

  private release(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** Lists the cameras. The selected one stays; without one, selects `device` or the first. */
  private async fill(device: string): Promise<void> {
    const found = await cameras();
    const named = Object.keys(found).some((id) => id) ? found : null;
    const options = isPhone() ? { ...PHONE, ...named } : (named ?? { "": "Default camera" });
    // The user may have chosen another camera while the list was awaited.
    const wanted = this.list.value || device;
    this.list.replaceChildren(...Object.entries(options).map(([id, name]) => new Option(name, id)));
    if (wanted in options) this.list.value = wanted;
  }

  private async preview(): Promise<void> {
    this.release();
    const { choice } = this;
    try {
      const stream = await openStream(choice);
      if (this.panel.hidden || JSON.stringify(choice) !== JSON.stringify(this.choice)) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.stream = stream;
      this.video.srcObject = stream;
      await this.video.play();
      const { deviceId, width, height } = stream.getVideoTracks()[0]?.getSettings() ?? {};
      write(this.note, `The camera gives ${width} × ${height} pixels.`);
      // Names and identifiers are known only now that the camera is allowed.
      await this.fill(deviceId ?? "");
    } catch (error) {
      write(this.note, reasonOf(error));
    }
  }
}
