// How live poses are made: smoothing against delay, feet, hips. The server decides and announces
// it, because other pages may choose too; the choice of this page is remembered.

import type { Connection } from "../protocol/connection";
import type { Tuned, Tuning } from "../protocol/text";
import { SidePanel } from "./controls";
import { button, byId, choice, element, heading, row, write } from "./dom";

const REMEMBERED = "mocap.tuning";
/** The slider goes from a quarter to four times the default smoothing: 2 to the power of ±2. */
const END = 2;
const DEFAULT: Tuning = { smoothing: 1, feet: "auto", hips: "free" };

const FEET: Readonly<Record<Tuning["feet"], string>> = {
  auto: "Feet hold to the ground",
  always: "Feet never leave the ground",
  off: "Feet as they are seen",
};
const HIPS: Readonly<Record<Tuning["hips"], string>> = {
  free: "Hips travel",
  locked: "Hips stay in place",
};

export class TunePanel {
  private readonly side: SidePanel;
  private readonly slider = element("input", "", { label: "Smoothing" });
  private readonly lag = element("output");
  private readonly feet = choice(FEET, "Feet", () => this.choose());
  private readonly hips = choice(HIPS, "Hips", () => this.choose());

  constructor(private readonly connection: Connection) {
    this.side = new SidePanel(byId("tune"), "u");
    Object.assign(this.slider, { type: "range", min: -END, max: END, step: 0.25, value: 0 });
    this.slider.addEventListener("input", () => this.choose());
    const ends = row(element("span", "Quick"), this.lag, element("span", "Smooth"));
    ends.classList.add("ends");
    this.side.element.replaceChildren(
      heading("Tune", () => this.side.show(false), "Close"),
      this.slider,
      ends,
      row(
        this.feet,
        this.hips,
        button("Defaults", () => this.choose(DEFAULT)),
      ),
    );
  }

  /** Sends the choice of an earlier visit after a new connection. */
  reconnected(): void {
    const kept = localStorage.getItem(REMEMBERED);
    if (kept) this.connection.send({ type: "tune", ...(JSON.parse(kept) as Tuning) });
  }

  /** Shows what the server announces. */
  show({ smoothing, feet, hips, lag }: Tuned): void {
    this.slider.value = String(Math.log2(smoothing));
    write(this.lag, `${(1000 * lag).toFixed(0)} ms of delay`);
    this.feet.value = feet;
    this.hips.value = hips;
  }

  private choose(tuning: Tuning = this.chosen()): void {
    localStorage.setItem(REMEMBERED, JSON.stringify(tuning));
    this.connection.send({ type: "tune", ...tuning });
  }

  private chosen(): Tuning {
    return {
      smoothing: 2 ** Number(this.slider.value),
      feet: this.feet.value as Tuning["feet"],
      hips: this.hips.value as Tuning["hips"],
    };
  }
}
