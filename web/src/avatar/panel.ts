// The panel that chooses the avatar: a file of the user's, by button or drop, one of the last
// ones, or the server's. What was recognised of it is shown, and its bones can be corrected.

import type { OwnAvatar } from "../stage/performer";
import type { CharacterInfo, Studio } from "../studio/client";
import { controlsLocked, SidePanel } from "../ui/controls";
import { button, byId, element, heading, reasonOf, row } from "../ui/dom";
import type { Messages } from "../ui/messages";
import type { BoneMap } from "./bonemap";
import { BoneEditor } from "./bones";
import { onDrop } from "./drop";
import { keyOf, type StoredAvatar, storeAvatar, storedAvatar, storedAvatars } from "./store";

/** The key of the avatar that is shown, kept for the next visit. */
const REMEMBERED = "mocap.avatar";
const FILMING = "A film is being written: drop the avatar again when it is complete.";
const ACCEPTED = ".vrm,.glb,.fbx";

const isVrm = (name: string): boolean => name.toLowerCase().endsWith(".vrm");
const isFbx = (name: string): boolean => name.toLowerCase().endsWith(".fbx");

/** What the panel asks of the page. */
export interface AvatarListener {
  /** Shows an avatar; null for the server's. */
  wear(own: OwnAvatar | null): void;
  /** Marks a humanoid bone on the avatar; null for none. */
  mark(bone: string | null): void;
  /** All humanoid bones. */
  bones(): readonly string[];
  /** The panel was opened. */
  opened(): void;
}

export class AvatarPanel {
  private readonly side: SidePanel;
  private readonly file = element("input");
  private readonly recent = element("ul", "", { label: "Avatars used before" });
  private readonly details = element("div");
  private studio: Studio | null = null;
  private stored: StoredAvatar | null = null;
  private character: CharacterInfo | null = null;
  /** Counts choices: an older one that ends late is dropped. */
  private choice = 0;

  constructor(
    private readonly messages: Messages,
    private readonly on: AvatarListener,
  ) {
    this.side = new SidePanel(byId("avatar"), "v", (shown) => this.shown(shown));
    this.file.type = "file";
    this.file.accept = ACCEPTED;
    this.file.addEventListener("change", () => {
      const [file] = this.file.files ?? [];
      this.file.value = "";
      if (file) void this.take(file);
    });
    this.side.element.replaceChildren(
      heading("Avatar", () => this.side.show(false), "Close; the avatar stays"),
      row(
        button("Choose a file…", () => this.file.click(), { class: "primary" }),
        button("mocap's avatar", () => this.reset()),
      ),
      element("p", "A .vrm, .glb or .fbx character; it can also be dropped on the page."),
      this.recent,
      this.details,
    );
    onDrop((file) => {
      if (controlsLocked()) this.messages.say("avatar", "warning", FILMING, 8);
      else void this.take(file);
    });
  }

  /** The address of the user's character on the server; null for the server's avatar. */
  get address(): string | null {
    return this.character?.rig ?? null;
  }

  /** The server has a studio, which recognises characters; then the last avatar is shown again. */
  async useStudio(studio: Studio): Promise<void> {
    this.studio = studio;
    await this.restore();
  }

  /** Shows the avatar of the last visit again. */
  async restore(): Promise<void> {
    const key = localStorage.getItem(REMEMBERED);
    const stored = key && (await storedAvatar(key));
    if (stored && this.accepts(stored.file.name)) await this.wear(stored, false);
  }

  /** Whether a file of this name can be shown; the studio says itself what it takes. */
  private accepts(name: string): boolean {
    return this.studio !== null || isVrm(name);
  }

  private shown(on: boolean): void {
    if (!on) return this.on.mark(null);
    this.on.opened();
    void this.listRecent();
  }

  private async listRecent(): Promise<void> {
    const others = (await storedAvatars()).filter(({ key }) => key !== this.stored?.key);
    const items = others.map((stored) => {
      const item = element("li");
      item.append(button(stored.file.name, () => void this.wear(stored, true), { class: "name" }));
      return item;
    });
    this.recent.replaceChildren(...items);
  }

  /** Takes a file that was chosen or dropped. */
  async take(file: File): Promise<void> {
    if (!this.accepts(file.name)) {
      const sentence =
        `${file.name} cannot be shown here: this page takes .vrm files. ` +
        "`mocap live` also takes .glb and .fbx characters.";
      return this.messages.say("avatar", "error", sentence, 15);
    }
    const key = await keyOf(file);
    const before = await storedAvatar(key);
    await this.wear({ key, file, bones: before?.bones ?? {}, used: Date.now() }, true);
  }

  /** @param open Whether the panel is opened when the avatar is there. */
  private async wear(stored: StoredAvatar, open: boolean): Promise<void> {
    const choice = ++this.choice;
    const { file } = stored;
    try {
      const character = await this.recognise(stored);
      if (choice !== this.choice) return;
      this.character = character;
      this.stored = { ...stored, used: Date.now() };
      const address = character?.rig ?? URL.createObjectURL(file);
      this.on.wear({ address, name: file.name });
      localStorage.setItem(REMEMBERED, stored.key);
      await storeAvatar(this.stored);
      this.describe();
      if (open) this.side.show(true);
    } catch (error) {
      if (choice !== this.choice) return;
      const reason = reasonOf(error);
      const sentence = reason.includes(file.name) ? reason : `${file.name}: ${reason}`;
      this.messages.say("avatar", "error", sentence, 15);
    }
  }

  /**
   * Uploads a character and applies the corrections of its bone map.
   *
   * @returns What the server recognised; null where the page shows a VRM without the server.
   * @throws Error whose message says why the character cannot be used.
   */
  private async recognise({ file, bones }: StoredAvatar): Promise<CharacterInfo | null> {
    const { studio, messages } = this;
    if (!studio) return null;
    try {
      const body = isFbx(file.name) ? await this.bodyOf(file) : null;
      const character = await studio.upload(file, body, (part) => {
        const sentence = `Loading ${file.name} … ${Math.round(100 * part)} %`;
        messages.say("avatar", "info", sentence);
      });
      messages.clear("avatar");
      if (Object.keys(bones).length === 0) return character;
      return await studio.ask("remap", { rig: character.rig, bones });
    } catch (error) {
      // The browser reads more kinds of VRM, for example with compressed vertex data.
      if (!isVrm(file.name)) throw error;
      const sentence = `${reasonOf(error)} It is shown, but takes cannot be exported onto it.`;
      messages.say("avatar", "warning", sentence, 15);
      return null;
    }
  }

  /** The GLB that shows an FBX character. Throws an Error whose message is a sentence. */
  private async bodyOf(file: File): Promise<ArrayBuffer> {
    this.messages.say("avatar", "info", `Reading ${file.name}…`);
    try {
      const { glbOfFbx } = await import("./fbx");
      return await glbOfFbx(await file.arrayBuffer());
    } catch (error) {
      throw new Error(`${file.name} cannot be shown: ${reasonOf(error)}.`);
    }
  }

  /** Shows the server's avatar. */
  private reset(): void {
    this.choice++;
    this.character = this.stored = null;
    localStorage.removeItem(REMEMBERED);
    this.messages.clear("avatar");
    this.details.replaceChildren();
    this.on.mark(null);
    this.on.wear(null);
    void this.listRecent();
  }

  private describe(): void {
    const { character, stored } = this;
    if (!stored) return;
    const { name } = stored.file;
    if (!character) return this.details.replaceChildren(element("h2", name));
    const editor = new BoneEditor(this.on.bones(), name.replace(/\.[^.]*$/, ""), {
      change: (changes) => void this.change(editor, changes),
      mark: (bone) => this.on.mark(bone),
    });
    editor.show(character.bones, character.nodes);
    const said = character.said.map((sentence) => element("p", sentence));
    this.details.replaceChildren(element("h2", name), ...said, editor.element);
    void this.listRecent();
  }

  private async change(editor: BoneEditor, changes: BoneMap): Promise<void> {
    const { studio, character, stored } = this;
    if (!studio || !character || !stored) return;
    try {
      const changed = await studio.ask("remap", { rig: character.rig, bones: changes });
      if (stored.key !== this.stored?.key) return;
      this.character = changed;
      this.stored = { ...stored, bones: { ...stored.bones, ...changes } };
      await storeAvatar(this.stored);
      this.on.wear({ address: changed.rig, name: stored.file.name });
      editor.show(changed.bones, changed.nodes);
      const paragraphs = [...this.details.querySelectorAll(":scope > p")];
      for (const p of paragraphs) p.remove();
      editor.element.before(...changed.said.map((sentence) => element("p", sentence)));
    } catch (error) {
      this.messages.say("avatar", "error", reasonOf(error), 15);
    }
  }
}
