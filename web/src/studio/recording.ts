// The record button. It shows what the server announces, and asks the server to start or stop.

import type { ServerState } from "../protocol/text";
import { onPress } from "../ui/controls";
import { minutes, write } from "../ui/dom";

const seconds = (): number => performance.now() / 1000;

export class RecordButton {
  private readonly button: HTMLButtonElement;
  private state: ServerState | null = null;
  /** When the state came, seconds. */
  private came = 0;

  /** @param ask Asks the server to start (true) or stop. */
  constructor(ask: (on: boolean) => void) {
    this.button = onPress("r", () => ask(this.take === null));
    window.setInterval(() => this.draw(), 200);
  }

  /** The name of the take that is being recorded. */
  get take(): string | null {
    return this.state?.recording ?? null;
  }

  /** Shows the server's state; null while there is no connection. */
  show(state: ServerState | null): void {
    this.state = state;
    this.came = seconds();
    this.draw();
  }

  private draw(): void {
    const on = this.take !== null;
    const recorded = (this.state?.recorded ?? 0) + seconds() - this.came;
    const text = on ? minutes(recorded) : "Record";
    write(this.button.querySelector("span")!, text);
    this.button.setAttribute("aria-pressed", String(on));
    this.button.title = on ? `Stop recording ${this.take}` : "Record what is live as a take";
  }
}
