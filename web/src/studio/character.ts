// The user's character, dropped on the page: sent to the server, recognised there, shown at once, and its bones corrected by hand.

import { button, choice, element } from "../ui/dom";
import type { Hud } from "../ui/hud";
import type { Character, Studio } from "./client";

const REMEMBERED = "mocap.character";

export class CharacterPanel {
  private readonly panel = document.querySelector<HTMLElement>("#character")!;
  private character: Character | null = null;

  /** show: puts the character at this address on the stage; null for the server's own. opened: the panel is there now. */
  constructor(
    private readonly studio: Studio,
    private readonly hud: Hud,
    private readonly show: (address: string | null) => void,
    private readonly opened: () => void,
  ) {
    window.addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.toggleAttribute("data-drop", true);
    });
    window.addEventListener(
      "dragleave",
      (event) => event.relatedTarget ?? document.body.toggleAttribute("data-drop", false),
    );
    window.addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.toggleAttribute("data-drop", false);
      const [file] = event.dataTransfer?.files ?? [];
      if (file) void this.take(file);
    });
  }

  /** The address of the character that is shown; null for the server's own. */
  get address(): string | null {
    return this.character?.rig ?? null;
  }

  async take(file: File): Promise<void> {
    try {
      const taken = await this.studio.upload(file, (part) =>
        this.hud.say("character", "info", `Loading ${file.name} … ${Math.round(100 * part)} %`),
      );
      this.taken(taken, file.name);
    } catch (error) {
      this.hud.say(
        "character",
        "error",
        error instanceof Error ? error.message : String(error),
        15,
      );
    }
  }

  private taken(taken: Character, name: string): void {
    this.character = taken;
    this.hud.say("character", "info", "");
    sessionStorage.setItem(REMEMBERED, taken.rig);
    this.show(taken.rig);
    const head = element("header");
    head.append(
      element("h2", name),
      button("Close", () => (this.panel.hidden = true), { title: "Close; the character stays" }),
    );
    const bones = element("details");
    bones.append(element("summary", "Bones and nodes"), this.table(taken, name));
    const away = button("Back to the first avatar", () => {
      this.character = null;
      this.panel.hidden = true;
      sessionStorage.removeItem(REMEMBERED);
      this.show(null);
    });
    this.panel.replaceChildren(
      head,
      ...taken.said.map((sentence) => element("p", sentence)),
      bones,
      away,
    );
    this.panel.hidden = false;
    this.opened();
  }

  /** Each bone with a choice of nodes: another choice is another map, and the character is shown anew. */
  private table(taken: Character, name: string): HTMLTableElement {
    const table = element("table");
    const nodes = { "": "none", ...Object.fromEntries(taken.nodes.map((node) => [node, node])) };
    for (const [bone, node] of Object.entries(taken.bones)) {
      const row = element("tr");
      const which = choice(nodes, `Node for ${bone}`, async (chosen) => {
        try {
          this.taken(
            await this.studio.ask("remap", { rig: taken.rig, bones: { [bone]: chosen } }),
            name,
          );
        } catch (error) {
          which.value = node;
          this.hud.say(
            "character",
            "error",
            error instanceof Error ? error.message : String(error),
            15,
          );
        }
      });
      which.value = node;
      const cell = element("td");
      cell.append(which);
      row.append(element("th", bone), cell);
      table.append(row);
    }
    return table;
  }
}
