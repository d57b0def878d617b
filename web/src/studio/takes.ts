// The panel of takes: record, list, open (baked or as it was live), rename, delete, and export what lies between the marks.

import { button, bytes, choice, clock, element } from "../ui/dom";
import type { Hud } from "../ui/hud";
import type { Format, Grade, Studio, Take, Watch } from "./client";
import { Progress } from "./progress";
import { thumbnail } from "./thumbnail";

/** What the panel asks of the page. */
export interface Stage {
  /** Plays a clip of the server's, or two side by side; resolves when it is on. */
  play(addresses: readonly [string, string?], name: string): Promise<void>;
  /** Back to what is live. */
  live(): void;
  /** The timeline's marks, seconds. */
  marks(): { readonly start: number; readonly end: number } | null;
  /** The address of the character that was dropped on the page; null for the mannequin. */
  character(): string | null;
}

const GRADES = { bake: "Baked", live: "As it was live", both: "Both, side by side" };
type Shown = keyof typeof GRADES;
const FORMATS = { bvh: "BVH", glb: "GLB", vrma: "VRMA", json: "Keypoints" };

export class TakesPanel {
  private readonly panel = document.querySelector<HTMLElement>("#takes")!;
  private readonly list = element("ul");
  private readonly opened = element("div", "", { class: "opened" });
  private readonly record = document.querySelector<HTMLButtonElement>('#controls [data-key="r"]')!;
  private readonly grade = choice(
    GRADES,
    "Grade",
    (value) => void this.open(this.take!, value as Shown),
  );
  private readonly progress = new Progress();
  private readonly format = choice(FORMATS, "File format", () => undefined);
  private take: string | null = null;
  private began = 0;
  private busy = false;

  constructor(
    private readonly studio: Studio,
    private readonly stage: Stage,
    private readonly hud: Hud,
  ) {
    const head = element("header");
    head.append(
      element("h2", "Takes"),
      button("Close", () => this.show(false), { title: "Close the list (T)" }),
    );
    const row = element("div", "", { class: "row" });
    row.append(
      this.grade,
      this.format,
      button("Export", () => void this.save(), {
        title: "Save what lies between the marks as a file (E)",
        key: "e",
      }),
      button("Back to live", () => this.live(), { title: "Show what is live again" }),
    );
    this.opened.append(element("p", "", { class: "name" }), row);
    this.opened.hidden = true;
    this.panel.replaceChildren(head, this.progress.element, this.opened, this.list);
    this.list.setAttribute("aria-label", "Takes");
    window.addEventListener("keydown", (event) => {
      const plain =
        !event.ctrlKey &&
        !event.metaKey &&
        !event.altKey &&
        !event.repeat &&
        !(event.target instanceof HTMLInputElement);
      if (plain && event.key.toLowerCase() === "e" && this.take) void this.save();
    });
    window.setInterval(() => this.tick(), 200);
  }

  get recording(): boolean {
    return this.began > 0;
  }

  show(on: boolean): void {
    this.panel.hidden = !on;
    document.querySelector('#controls [data-key="t"]')!.setAttribute("aria-pressed", String(on));
    if (on) void this.refresh();
  }

  toggle(): void {
    this.show(this.panel.hidden !== false);
  }

  async toggleRecording(): Promise<void> {
    const on = !this.recording;
    try {
      const { take, frames } = await this.studio.ask("record", { on });
      this.began = on ? performance.now() : 0;
      this.hud.say(
        "take",
        "info",
        on ? `Recording ${take}. Press R to end it.` : `${take}: ${frames} frames.`,
        on ? Infinity : 6,
      );
    } catch (error) {
      this.began = 0;
      this.complain(error);
    }
    this.record.setAttribute("aria-pressed", String(this.recording));
    if (!on) this.show(true);
  }

  /** A page that is opened anew, or a server that was away: what is being recorded now? */
  async refresh(): Promise<void> {
    try {
      const { takes, recording } = await this.studio.ask("takes", {});
      if (!recording) this.began = 0;
      else this.began ||= performance.now();
      this.record.setAttribute("aria-pressed", String(this.recording));
      this.list.replaceChildren(
        ...(takes.length
          ? takes.map((take) => this.item(take))
          : [element("li", "None yet: press R to record what is live.", { class: "none" })]),
      );
    } catch (error) {
      this.complain(error);
    }
  }

  private item(take: Take): HTMLLIElement {
    const item = element("li");
    const name = button(take.name, () => void this.open(take.name, "bake"), {
      class: "name",
      title: "Bake this take and show it",
    });
    const told = element("span", `${clock(take.seconds)} · ${bytes(take.size)}`, { class: "told" });
    item.toggleAttribute("data-open", take.name === this.take);
    item.append(
      thumbnail(take.figure),
      name,
      told,
      button("Rename", () => this.rename(item, take.name), { label: `Rename ${take.name}` }),
      button("Delete", () => this.remove(item, take.name), { label: `Delete ${take.name}` }),
    );
    return item;
  }

  private rename(item: HTMLLIElement, name: string): void {
    const field = element("input", "", { label: "New name" });
    field.value = name;
    field.maxLength = 80;
    const done = async (): Promise<void> => {
      if (field.value !== name && field.value.trim())
        await this.tried(this.studio.ask("rename", { take: name, to: field.value }));
      if (this.take === name) this.live();
      void this.refresh();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") void done();
      else if (event.key === "Escape") void this.refresh();
    });
    item.replaceChildren(
      field,
      button("Save", () => void done()),
    );
    field.select();
  }

  /** Asked twice: there is no way back. */
  private remove(item: HTMLLIElement, name: string): void {
    const sure = button(
      "Delete for good",
      async () => {
        await this.tried(this.studio.ask("delete", { take: name }));
        if (this.take === name) this.live();
        void this.refresh();
      },
      { class: "bad" },
    );
    item.replaceChildren(
      element("span", name, { class: "told" }),
      sure,
      button("Keep", () => void this.refresh()),
    );
    sure.focus();
  }

  private async open(name: string, shown: Shown): Promise<void> {
    await this.work(shown === "bake" ? `Baking ${name}` : `Solving ${name}`, async (watch) => {
      const ask = async (grade: Grade): Promise<string> =>
        (await this.studio.ask("open", { take: name, grade }, watch)).clip;
      const first = await ask(shown === "live" ? "live" : "bake");
      const clips: [string, string?] = shown === "both" ? [first, await ask("live")] : [first];
      await this.stage.play(clips, shown === "both" ? `${name}: baked left, live right` : name);
      this.take = name;
      this.opened.querySelector(".name")!.textContent = name;
      this.opened.hidden = false;
    });
    void this.refresh();
  }

  private live(): void {
    this.take = null;
    this.opened.hidden = true;
    this.stage.live();
    void this.refresh();
  }

  private async save(): Promise<void> {
    const marks = this.stage.marks();
    const take = this.take;
    if (!take || !marks) return;
    await this.work(`Writing the ${FORMATS[this.format.value as Format]} file`, async (watch) => {
      const grade: Grade = this.grade.value === "live" ? "live" : "bake";
      const asked = {
        take,
        grade,
        format: this.format.value as Format,
        rig: this.stage.character(),
      };
      const made = await this.studio.ask(
        "export",
        { ...asked, start: marks.start, end: marks.end },
        watch,
      );
      const link = element("a");
      link.href = new URL(made.file, location.href).href;
      link.download = made.name;
      link.click();
      this.hud.say("take", "info", `${made.name}: ${made.frames} frames, ${bytes(made.bytes)}.`, 8);
    });
  }

  /** Long work, one at a time: its progress is shown, and it can be cancelled. */
  private async work(what: string, done: (watch: Watch) => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const watch = this.progress.begin(what);
    try {
      this.hud.say("take", "info", "");
      await done(watch);
    } catch (error) {
      if (!watch.signal.aborted) this.complain(error);
    } finally {
      this.progress.end();
      this.busy = false;
    }
  }

  private async tried(answer: Promise<unknown>): Promise<void> {
    try {
      await answer;
    } catch (error) {
      this.complain(error);
    }
  }

  private complain(error: unknown): void {
    this.hud.say("take", "error", error instanceof Error ? error.message : String(error), 12);
  }

  private tick(): void {
    const label = this.record.querySelector("span")!;
    const text = this.recording ? clock((performance.now() - this.began) / 1000) : "Record";
    if (label.textContent !== text) label.textContent = text;
  }
}
