// The panel of takes: record, list, open, rename, delete.

import { thumbnail } from "../picture/thumbnail";
import type { ServerState } from "../protocol/text";
import { SidePanel } from "../ui/controls";
import { button, byId, bytes, check, element, heading, minutes, reasonOf } from "../ui/dom";
import type { Messages } from "../ui/messages";
import type { Studio, TakeInfo, WorkOptions } from "./client";
import { OpenedTake, type TakeStage } from "./opened";
import { ProgressBar } from "./progress";
import { RecordButton } from "./recording";

const KEEPS_PICTURES = "mocap.pictures";
const NO_PICTURES = "No picture came from this source: a page of your own sends none.";

export class TakesPanel {
  private readonly side: SidePanel;
  private readonly list = element("ul", "", { label: "Takes" });
  private readonly progress = new ProgressBar();
  private readonly record = new RecordButton((on) => void this.toggleRecording(on));
  private readonly opened: OpenedTake;
  private readonly pictures = check(
    "Keep the picture",
    "Keeps small pictures of the source beside the take; they go nowhere else",
    (on) => localStorage.setItem(KEEPS_PICTURES, on ? "1" : ""),
  );
  private busy = false;

  constructor(
    private readonly studio: Studio,
    stage: TakeStage,
    private readonly messages: Messages,
  ) {
    this.side = new SidePanel(byId("takes"), "t", (on) => on && void this.refresh());
    this.opened = new OpenedTake(
      studio,
      stage,
      messages,
      (what, done) => this.work(what, done),
      () => void this.refresh(),
    );
    this.pictures.input.checked = localStorage.getItem(KEEPS_PICTURES) === "1";
    this.side.element.replaceChildren(
      heading("Takes", () => this.side.show(false), "Close the list"),
      this.pictures.label,
      this.progress.element,
      this.opened.element,
      this.list,
    );
  }

  show(on: boolean): void {
    this.side.show(on);
  }

  /** Bakes a take and shows it, with the panel. */
  async open(name: string): Promise<void> {
    this.show(true);
    await this.opened.open(name);
  }

  /** Shows the server's state; null while there is no connection. */
  state(state: ServerState | null): void {
    const before = this.record.take;
    this.record.show(state);
    if (before && state && !state.recording) void this.refresh();
  }

  private async toggleRecording(on: boolean): Promise<void> {
    await this.tried(async () => {
      const wanted = this.pictures.input.checked;
      const made = await this.studio.ask("record", { on, pictures: wanted });
      const { take, frames, pictures } = made;
      const sentence = on ? `Recording ${take}.` : `${take}: ${frames} frames.`;
      const lacking = !on && wanted && !pictures ? ` ${NO_PICTURES}` : "";
      this.messages.say("take", "info", sentence + lacking, lacking ? 12 : 6);
    });
    if (!on) this.show(true);
  }

  private async refresh(): Promise<void> {
    if (this.side.element.hidden) return;
    await this.tried(async () => {
      const { takes } = await this.studio.ask("takes", {});
      const none = element("li", "None yet: Record keeps what is live.", { class: "none" });
      this.list.replaceChildren(...(takes.length ? takes.map((t) => this.item(t)) : [none]));
    });
  }

  private item(take: TakeInfo): HTMLLIElement {
    const item = element("li");
    item.toggleAttribute("data-open", take.name === this.opened.name);
    const remove = button("Delete", () => this.remove(item, take.name), {
      label: `Delete ${take.name}`,
    });
    if (take.problem) {
      const name = element("span", take.name, { class: "name" });
      item.append(name, element("span", take.problem, { class: "told" }), remove);
      return item;
    }
    const kept = take.pictures ? " · picture" : "";
    const title = `${minutes(take.seconds)} · ${bytes(take.size)}${kept}`;
    item.append(
      thumbnail(take.figure),
      button(take.name, () => void this.opened.open(take.name), {
        class: "name",
        title: "Bake this take and show it",
      }),
      element("span", title, { class: "told" }),
      button("Rename", () => this.rename(item, take.name), { label: `Rename ${take.name}` }),
      remove,
    );
    return item;
  }

  private rename(item: HTMLLIElement, name: string): void {
    const field = element("input", "", { label: "New name" });
    field.value = name;
    field.maxLength = 80;
    const done = async (): Promise<void> => {
      if (field.value !== name && field.value.trim()) {
        await this.tried(async () => {
          const { take } = await this.studio.ask("rename", { take: name, to: field.value });
          if (this.opened.name === name) this.opened.renamed(take);
        });
      }
      void this.refresh();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") void done();
      else if (event.key === "Escape") void this.refresh();
    });
    item.replaceChildren(
      field,
      button("Save", () => void done()),
    );
    field.select();
  }

  /** Asks again before deleting, because there is no way back. */
  private remove(item: HTMLLIElement, name: string): void {
    const sure = button("Delete for good", () => void this.delete(name), { class: "bad" });
    const keep = button("Keep", () => void this.refresh());
    item.replaceChildren(element("span", name, { class: "told" }), sure, keep);
    sure.focus();
  }

  private async delete(name: string): Promise<void> {
    await this.tried(async () => {
      await this.studio.ask("delete", { take: name });
      if (this.opened.name === name) this.opened.close();
    });
    void this.refresh();
  }

  private async work(what: string, done: (options: WorkOptions) => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const options = this.progress.begin(what);
    try {
      this.messages.clear("take");
      await done(options);
    } catch (error) {
      if (!options.signal.aborted) this.complain(error);
    } finally {
      this.progress.end();
      this.busy = false;
    }
  }

  private async tried(action: () => Promise<void>): Promise<void> {
    await action().catch((error: unknown) => this.complain(error));
  }

  private complain(error: unknown): void {
    this.messages.say("take", "error", reasonOf(error), 12);
  }
}
