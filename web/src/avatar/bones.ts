// The editor of a character's bone map: a row for every humanoid bone. The selected row marks the
// bone on the avatar and offers the nodes, which can be searched.

import { mirroredName } from "../stage/pose";
import { button, element, row } from "../ui/dom";
import { assigned, type BoneMap, mapFile, matching, swapped } from "./bonemap";

/** The most nodes that are listed at once; a search finds the others. */
const LISTED = 60;

/** What the editor asks of the page. */
export interface BoneEditorListener {
  /** Applies changes of the map. */
  change(changes: BoneMap): void;
  /** Marks a bone on the avatar; null for none. */
  mark(bone: string | null): void;
}

export class BoneEditor {
  readonly element = element("details", "", { class: "bones" });
  private readonly summary = element("summary");
  private readonly list = element("ul");
  private map: BoneMap = {};
  private nodes: readonly string[] = [];
  private selected: string | null = null;

  /**
   * @param bones All humanoid bones, in the order of the rows.
   * @param stem The character's file name without its suffix.
   */
  constructor(
    private readonly bones: readonly string[],
    private readonly stem: string,
    private readonly on: BoneEditorListener,
  ) {
    const actions = row(
      button("Swap left and right", () => this.on.change(swapped(this.map))),
      button("Save map", () => this.save(), {
        title: "Save the map as a file for `mocap bake --map` and `mocap rigs inspect --map`",
      }),
    );
    this.element.append(this.summary, actions, this.list);
    this.element.addEventListener("toggle", () => {
      if (!this.element.open) this.select(null);
    });
  }

  /** Shows a map and the nodes that a bone can have. */
  show(map: BoneMap, nodes: readonly string[]): void {
    this.map = map;
    this.nodes = nodes;
    const mapped = this.bones.filter((bone) => map[bone]).length;
    this.summary.textContent = `Bones: ${mapped} of ${this.bones.length} mapped`;
    this.draw();
  }

  private draw(): void {
    const scroll = this.list.scrollTop;
    this.list.replaceChildren(...this.bones.map((bone) => this.row(bone)));
    this.list.scrollTop = scroll;
  }

  private select(bone: string | null): void {
    this.selected = bone;
    this.on.mark(bone);
    this.draw();
  }

  private row(bone: string): HTMLLIElement {
    const item = element("li");
    const node = this.map[bone];
    const open = bone === this.selected;
    const label = button("", () => this.select(open ? null : bone), { class: "bone" });
    label.dataset.bone = bone;
    label.setAttribute("aria-expanded", String(open));
    const name = element("span", node || "not mapped", { class: node ? "node" : "node none" });
    label.append(element("span", bone), name);
    item.append(label);
    if (open) item.append(this.search(bone));
    return item;
  }

  private search(bone: string): HTMLElement {
    const box = element("div", "", { class: "search" });
    const field = element("input", "", { label: `Search a node for ${bone}` });
    field.type = "search";
    field.placeholder = `Search ${this.nodes.length} nodes`;
    const found = element("ul", "", { label: `Nodes for ${bone}` });
    const owners = new Map(Object.entries(this.map).map(([owner, node]) => [node, owner]));
    const option = (node: string): HTMLLIElement => {
      const item = element("li");
      const owner = owners.get(node);
      const note = owner && owner !== bone ? ` (now ${owner})` : "";
      item.append(
        button(node + note, () => this.on.change(assigned(this.map, bone, node)), {
          class: "node",
        }),
      );
      return item;
    };
    const fill = (): void => {
      const none = element("li");
      none.append(button("No node", () => this.on.change({ [bone]: "" }), { class: "node none" }));
      found.replaceChildren(none, ...matching(this.nodes, field.value, LISTED).map(option));
    };
    field.addEventListener("input", fill);
    fill();
    box.append(field, found);
    const other = mirroredName(bone);
    if (other !== bone) {
      const exchange = { [bone]: this.map[other] ?? "", [other]: this.map[bone] ?? "" };
      box.append(button(`Swap with ${other}`, () => this.on.change(exchange)));
    }
    return box;
  }

  private save(): void {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([mapFile(this.map, this.bones)]));
    link.download = `${this.stem}.map.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
}
