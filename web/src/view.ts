// The switches of the view: skeleton, picture, mirror, follow, background, hide.

import type { PicturePanel } from "./picture/panel";
import { Background } from "./stage/background";
import type { Performer } from "./stage/performer";
import type { Stage } from "./stage/stage";
import { controlButton, onPress, toggle } from "./ui/controls";
import { byId, write } from "./ui/dom";
import type { Messages } from "./ui/messages";

export class View {
  /** Whether the performers are shown as in a mirror. */
  mirrored = false;
  /** Switches the mirror on or off. */
  readonly setMirror: (on: boolean) => void;

  /**
   * @param wake Called when there is something to draw without a new pose.
   * @param mirrored Called with the mirror's position.
   */
  constructor(
    private readonly stage: Stage | null,
    performer: Performer,
    picture: PicturePanel,
    messages: Messages,
    private readonly wake: () => void,
    mirrored: (on: boolean) => void,
  ) {
    toggle("s", (on) => performer.showSkeleton(on));
    toggle("p", (on) => byId("picture").toggleAttribute("hidden", !on));
    this.setMirror = toggle("m", (on) => {
      this.mirrored = on;
      picture.mirror(on);
      performer.showMirrored(on);
      mirrored(on);
    });
    toggle("f", (on) => {
      stage?.follow(on);
      wake();
    });
    toggle("h", (on) => this.hidePanels(on), false);
    const background = new Background(
      (on) => {
        stage?.showFloor(on);
        wake();
      },
      (sentence) => messages.say("background", "info", sentence, 5),
    );
    onPress("b", () => background.next());
    this.followColours();
    this.followSize();
  }

  private hidePanels(hidden: boolean): void {
    document.body.toggleAttribute("data-hidden", hidden);
    const label = controlButton("h").querySelector("span")!;
    write(label, hidden ? "Show" : "Hide");
    label.dataset.text = hidden ? "Show" : "Hide";
  }

  private followColours(): void {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const apply = (): void => {
      this.stage?.colours(dark.matches);
      this.wake();
    };
    dark.addEventListener("change", apply);
    apply();
  }

  /** Draws the stage at its size in the window; not during a film, which has a size of its own. */
  fit(): void {
    if (this.stage?.onDrawn) return;
    const canvas = byId("stage");
    this.stage?.resize(canvas.clientWidth, canvas.clientHeight);
    this.wake();
  }

  private followSize(): void {
    window.addEventListener("resize", () => this.fit());
    // Its part of the window changes too, beside a panel.
    new ResizeObserver(() => this.fit()).observe(byId("stage"));
    this.fit();
  }
}
