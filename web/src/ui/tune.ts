// How live poses are made: smoothing against lag, whether feet are held to the ground, whether the hips travel. The server says what holds,
// for other pages may choose too; what was chosen here is remembered.

import type { Connection } from "../protocol/connection";
import type { Tuned, Tuning } from "../protocol/text";
import { button, choice, element } from "./dom";
import type { Hud } from "./hud";

const REMEMBERED = "mocap.tuning";
/** The slider's ends are a quarter of the usual smoothing and four times it: 2 to the power of −2 and 2. */
const END = 2;

export class TunePanel {
  private readonly panel = document.querySelector<HTMLElement>("#tune")!;
  private readonly slider = element("input", "", { label: "Smoothing" });
  private readonly lag = element("output");
  private readonly feet = choice(
    { auto: "Feet hold to the ground", off: "Feet as they are seen" },
    "Feet",
    () => this.choose(),
  );
  private readonly hips = choice(
    { free: "Hips travel", locked: "Hips stay in place" },
    "Hips",
    () => this.choose(),
  );

  constructor(
    private readonly connection: Connection,
    hud: Hud,
  ) {
    Object.assign(this.slider, {
      type: "range",
      min: String(-END),
      max: String(END),
      step: "0.25",
      value: "0",
    });
    this.slider.addEventListener("input", () => this.choose());
    const head = element("header");
    head.append(
      element("h2", "Tune"),
      button("Close", () => this.show(false), { title: "Close (U)" }),
    );
    const ends = element("div", "", { class: "row ends" });
    ends.append(element("span", "Quick"), this.lag, element("span", "Smooth"));
    const usual = button("As usual", () =>
      this.choose({ smoothing: 1, feet: "auto", hips: "free" }),
    );
    const row = element("div", "", { class: "row" });
    row.append(this.feet, this.hips, usual);
    this.panel.replaceChildren(head, this.slider, ends, row);
    hud.press("u", () => this.show(this.panel.hidden !== false));
  }

  /** A new connection: what was chosen on an earlier visit holds again. */
  again(): void {
    const kept = localStorage.getItem(REMEMBERED);
    if (kept) this.connection.send({ type: "tune", ...(JSON.parse(kept) as Tuning) });
  }

  tuned({ smoothing, feet, hips, lag }: Tuned): void {
    this.slider.value = String(Math.log2(smoothing));
    this.lag.textContent = `${(1000 * lag).toFixed(0)} ms of lag`;
    [this.feet.value, this.hips.value] = [feet, hips];
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

  private show(on: boolean): void {
    this.panel.hidden = !on;
    document.querySelector('#controls [data-key="u"]')!.setAttribute("aria-pressed", String(on));
  }
}
