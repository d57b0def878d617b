// One hint for each state of the page, for newcomers. A dismissed hint never comes back.

import { button, byId, element } from "./dom";

const DISMISSED = "mocap.hint.";

/** The hint of each situation; the first one whose situation applies and that is not dismissed. */
const HINTS = {
  sample:
    "A sample motion plays. Choose This device's camera, and the avatar follows you; no picture " +
    "leaves this page.",
  take: "Drag over the timeline to look around. In and Out set the part that Export saves.",
  waiting: "Choose above where the movement comes from: mocap's camera, this device's, a video.",
  live:
    "Stand upright and press Calibrate to measure your body. Avatar shows the movement on your " +
    "own character.",
} as const;

export type Situation = keyof typeof HINTS;

export class Hints {
  private readonly box = byId("hint");
  private shown: Situation | null = null;

  /** Shows the hint of a situation; null for none. */
  show(situation: Situation | null): void {
    const wanted = situation && !localStorage.getItem(DISMISSED + situation) ? situation : null;
    if (wanted === this.shown) return;
    this.shown = wanted;
    this.box.hidden = wanted === null;
    if (!wanted) return this.box.replaceChildren();
    const dismiss = button("Got it", () => this.dismiss(wanted), {
      title: "Never show this hint again",
    });
    this.box.replaceChildren(element("p", HINTS[wanted]), dismiss);
  }

  private dismiss(situation: Situation): void {
    localStorage.setItem(DISMISSED + situation, "1");
    this.show(null);
  }
}
