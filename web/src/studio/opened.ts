// The take that is open: its grade, and the export of the part between the marks.

import { transport } from "../transport";
import { isPlainKey } from "../ui/controls";
import { button, bytes, choice, element, row, write } from "../ui/dom";
import type { Messages } from "../ui/messages";
import type { Format, Grade, Studio, WorkOptions } from "./client";

const GRADES = { bake: "Baked", live: "As it was live", both: "Both, side by side" };
type View = keyof typeof GRADES;
const FORMATS: Readonly<Record<Format, string>> = {
  bvh: "BVH",
  glb: "GLB",
  vrma: "VRMA",
  json: "Keypoints",
};

/** What the panel of takes asks of the page. */
export interface TakeStage {
  /**
   * Plays one clip, or two side by side.
   *
   * @param keep Whether it is of the same take as before, so that moment and marks are kept.
   */
  play(addresses: readonly [string, string?], name: string, keep: boolean): Promise<void>;
  /** Shows what is live again. */
  live(): void;
  /** The timeline's marks, seconds; null while no clip plays. */
  marks(): { readonly start: number; readonly end: number } | null;
  /** The address of the user's own character; null for the server's avatar. */
  character(): string | null;
}

/** Runs long work, one at a time, with a progress bar. */
export type Work = (what: string, done: (options: WorkOptions) => Promise<void>) => Promise<void>;

export class OpenedTake {
  readonly element = element("div", "", { class: "opened" });
  /** The open take's name. */
  name: string | null = null;
  private readonly title = element("p", "", { class: "name" });
  private readonly view = choice(GRADES, "Grade", () => void this.open(this.name!));
  private readonly format = choice(FORMATS, "File format", () => undefined);

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
      const clip = async (grade: Grade): Promise<string> =>
        (await this.studio.ask("open", { take: name, grade }, options)).clip;
      const first = await clip(view === "live" ? "live" : "bake");
      const second = view === "both" ? await clip("live") : undefined;
      const title = second ? `${name}: baked left, live right` : name;
      await this.stage.play([first, second], title, name === this.name);
      this.renamed(name);
      this.element.hidden = false;
    });
    this.changed();
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
      const link = element("a");
      link.href = transport.link(made.file);
      link.download = made.name;
      link.click();
      const sentence = `${made.name}: ${made.frames} frames, ${bytes(made.bytes)}.`;
      this.messages.say("take", "info", sentence, 8);
    });
  }
}
