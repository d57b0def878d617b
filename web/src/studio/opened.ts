// The take that is open: its grade, and the export of the part between the marks.

import type { PlayOptions } from "../playback/player";
import { transport } from "../transport";
import { isPlainKey } from "../ui/controls";
import { button, bytes, choice, element, row, write } from "../ui/dom";
import type { Messages } from "../ui/messages";
import type { Format, Grade, Studio, WorkOptions } from "./client";
import type { Film } from "./film";

const GRADES = { bake: "Baked", live: "As it was live", both: "Both, side by side" };
type View = keyof typeof GRADES;
const FORMATS: Readonly<Record<Format | "video" | "overlay", string>> = {
  bvh: "BVH",
  glb: "GLB",
  vrma: "VRMA",
  fbx: "FBX",
  csv: "CSV, joint angles",
  mot: "MOT, OpenSim",
  trc: "TRC, places",
  json: "Keypoints",
  video: "Video",
  overlay: "Video, overlay",
};

/** What the panel of takes asks of the page. */
export interface TakeStage {
  /**
   * Plays one clip, or two side by side.
   *
   * @param name What the page calls it.
   */
  play(addresses: readonly [string, string?], name: string, options: PlayOptions): Promise<void>;
  /** Shows what is live again. */
  live(): void;
  /** The timeline's marks, seconds; null while no clip plays. */
  marks(): { readonly start: number; readonly end: number } | null;
  /** The address of the user's own character; null for the server's avatar. */
  character(): string | null;
  /** Whether the take that plays has pictures that the avatar can be laid over. */
  canOverlay(): boolean;
  /** Shows the avatar over the take's pictures, or beside them. */
  layOver(on: boolean): void;
  /** Films the part between the marks as it is shown: the pictures on the left, or behind. */
  film(options: WorkOptions): Promise<Film>;
}

/** Runs long work, one at a time, with a progress bar. */
export type Work = (what: string, done: (options: WorkOptions) => Promise<void>) => Promise<void>;

export class OpenedTake {
  readonly element = element("div", "", { class: "opened" });
  /** The open take's name. */
  name: string | null = null;
  private readonly title = element("p", "", { class: "name" });
  private readonly view = choice(GRADES, "Grade", () => void this.open(this.name!));
  private readonly format = choice(FORMATS, "File format", (format) => {
    // What will be filmed is shown.
    if (format === "video" || format === "overlay") this.stage.layOver(format === "overlay");
  });

  constructor(
    private readonly studio: Studio,
    private readonly stage: TakeStage,
    private readonly messages: Messages,
    private readonly work: Work,
    private readonly changed: () => void,
  ) {
    this.element.hidden = true;
    this.element.append(
      this.title,
      row(
        this.view,
        this.format,
        button("Export", () => void this.save(), {
          title: "Save the part between the marks as a file (E)",
          key: "e",
          class: "primary",
        }),
        button("Back to live", () => this.close()),
      ),
    );
    window.addEventListener("keydown", (event) => {
      if (isPlainKey(event) && event.key.toLowerCase() === "e" && this.name) void this.save();
    });
  }

  /** Opens a take, or the open one in another grade. */
  async open(name: string): Promise<void> {
    if (name !== this.name) this.view.value = "bake";
    const view = this.view.value as View;
    await this.work(view === "bake" ? `Baking ${name}` : `Solving ${name}`, async (options) => {
      const clip = (grade: Grade) => this.studio.ask("open", { take: name, grade }, options);
      const { clip: first } = await clip(view === "live" ? "live" : "bake");
      const second = view === "both" ? (await clip("live")).clip : undefined;
      const title = second ? `${name}: baked left, live right` : name;
      // Moment and marks are kept for another version of the same take.
      await this.stage.play([first, second], title, { keep: name === this.name });
      this.showFormats();
      this.renamed(name);
      this.element.hidden = false;
    });
    this.changed();
  }

  /** Offers the film over the pictures where the take has some. */
  private showFormats(): void {
    const able = this.stage.canOverlay();
    const [beside, over] = ["video", "overlay"].map(
      (value) => [...this.format.options].find((option) => option.value === value)!,
    );
    Object.assign(over!, { hidden: !able, disabled: !able });
    beside!.text = able ? "Video, side by side" : "Video";
    if (!able && this.format.value === "overlay") this.format.value = "video";
  }

  /** The open take has this name now. */
  renamed(name: string): void {
    this.name = name;
    write(this.title, name);
  }

  close(): void {
    this.name = null;
    this.element.hidden = true;
    this.stage.live();
    this.changed();
  }

  private async save(): Promise<void> {
    const marks = this.stage.marks();
    const take = this.name;
    if (!take || !marks) return;
    if (this.format.value === "video" || this.format.value === "overlay") {
      this.stage.layOver(this.format.value === "overlay");
      return this.saveFilm(take);
    }
    const format = this.format.value as Format;
    await this.work(`Writing the ${FORMATS[format]} file`, async (options) => {
      const grade: Grade = this.view.value === "live" ? "live" : "bake";
      const { start, end } = marks;
      const rig = this.stage.character();
      const made = await this.studio.ask(
        "export",
        { take, grade, format, start, end, rig },
        options,
      );
      download(transport.link(made.file), made.name);
      const sentence = `${made.name}: ${made.frames} frames, ${bytes(made.bytes)}.`;
      this.messages.say("take", "info", sentence, 8);
    });
  }

  private async saveFilm(take: string): Promise<void> {
    await this.work("Filming the part between the marks", async (options) => {
      const { data, suffix, damaged } = await this.stage.film(options);
      const name = `${take}.${suffix}`;
      const address = URL.createObjectURL(data);
      download(address, name);
      window.setTimeout(() => URL.revokeObjectURL(address), 60_000);
      const instead = damaged
        ? ` ${damaged} of the take's pictures are damaged; the ones before them are shown.`
        : "";
      this.messages.say("take", "info", `${name}: ${bytes(data.size)}.${instead}`, 8);
    });
  }
}

/** Saves a file under a name. */
function download(address: string, name: string): void {
  const link = element("a");
  link.href = address;
  link.download = name;
  link.click();
}
