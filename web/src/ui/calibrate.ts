// "Stand upright": a countdown, long enough to walk back from the keyboard, and then the measure.

import type { Connection } from "../protocol/connection";
import type { Hud } from "./hud";

const SECONDS = 5;

export class Calibration {
  private left = 0;
  private timer = 0;

  constructor(
    private readonly connection: Connection,
    private readonly hud: Hud,
  ) {}

  /** Begins the countdown; a second press ends it. */
  toggle(): void {
    window.clearInterval(this.timer);
    if (this.left > 0) {
      this.left = 0;
      return this.hud.say("calibrate", "info", "");
    }
    this.left = SECONDS;
    this.say();
    this.timer = window.setInterval(() => {
      this.left -= 1;
      if (this.left > 0) return this.say();
      window.clearInterval(this.timer);
      this.connection.send({ type: "calibrate" });
      this.hud.say(
        "calibrate",
        "info",
        "Measuring: lengths, gravity and floor, for some seconds.",
        5,
      );
    }, 1000);
  }

  private say(): void {
    this.hud.say(
      "calibrate",
      "info",
      `Stand upright in full view, arms at your sides: measuring in ${this.left} …`,
    );
  }
}
