// Calibration: a countdown, long enough to walk back from the computer, then the measurement.

import type { Connection } from "../protocol/connection";
import type { Messages } from "./messages";

const SECONDS = 5;

export class Calibration {
  private left = 0;
  private timer = 0;

  constructor(
    private readonly connection: Connection,
    private readonly messages: Messages,
  ) {}

  /** Starts the countdown, or stops it. */
  toggle(): void {
    window.clearInterval(this.timer);
    if (this.left > 0) {
      this.left = 0;
      return this.messages.clear("calibrate");
    }
    this.left = SECONDS;
    this.say();
    this.timer = window.setInterval(() => this.count(), 1000);
  }

  private count(): void {
    this.left -= 1;
    if (this.left > 0) return this.say();
    window.clearInterval(this.timer);
    this.connection.send({ type: "calibrate" });
    const sentence = "Measuring lengths, gravity and floor for some seconds.";
    this.messages.say("calibrate", "info", sentence, 5);
  }

  private say(): void {
    const sentence = "Stand upright in full view, arms at your sides: measuring in";
    this.messages.say("calibrate", "info", `${sentence} ${this.left} …`);
  }
}
