// Where the movement comes from, as one row of buttons: the server's camera or video, this device's camera, a video file, another page.

import type { Lead } from "../camera/session";
import type { Connection } from "../protocol/connection";
import type { Hello } from "../protocol/text";
import type { Hud } from "./hud";

type Source = "server" | "camera" | "file" | "page";

export class Sources {
  private readonly row = document.querySelector<HTMLElement>("#sources")!;
  private readonly file = document.createElement("input");

  constructor(
    private readonly connection: Connection,
    private readonly lead: Lead,
    private readonly hud: Hud,
    /** Which source is chosen, with or without a hello. */
    private readonly hello: () => Hello | null,
  ) {
    this.file.type = "file";
    this.file.accept = "video/*";
    this.file.addEventListener("change", () => this.opened());
    const press: Record<Source, () => void> = {
      server: () => this.server(),
      camera: () => this.lead.toggle(),
      file: () => this.file.click(),
      page: () => this.page(),
    };
    this.hud.key("c", this.button("camera"), press.camera);
    for (const [source, pressed] of Object.entries(press))
      this.button(source as Source).addEventListener("click", pressed);
  }

  /** Which one it is now. */
  show(): void {
    const hello = this.hello();
    this.row.hidden = !hello || hello.source.kind === "motion";
    const theirs = hello?.source.kind === "browser";
    const now: Source = this.lead.on
      ? this.lead.file
        ? "file"
        : "camera"
      : theirs
        ? "page"
        : "server";
    for (const source of ["server", "camera", "file", "page"] as const)
      this.button(source).setAttribute("aria-pressed", String(source === now));
  }

  private button(source: Source): HTMLButtonElement {
    return this.row.querySelector<HTMLButtonElement>(`[data-source="${source}"]`)!;
  }

  private server(): void {
    this.lead.stop();
    this.hud.say("page", "info", "");
    this.connection.send({ type: "lead", who: "server" });
  }

  private page(): void {
    this.lead.stop();
    this.connection.send({ type: "lead", who: "browser" });
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ingest`;
    this.hud.say(
      "page",
      "info",
      `Waiting for a page that sends what estimatePoses returns to ${address} (README, From a page of your own).`,
      20,
    );
  }

  private opened(): void {
    const [file] = this.file.files ?? [];
    // The same file again is a choice too.
    this.file.value = "";
    if (file) this.lead.play(file);
  }
}
