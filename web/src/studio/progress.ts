// A progress bar for long work, with a button that cancels it.

import { button, element } from "../ui/dom";
import type { WorkOptions } from "./client";

export class ProgressBar {
  readonly element = element("div", "", { class: "progress" });
  private readonly text = element("span");
  private readonly bar = element("progress");
  private controller = new AbortController();

  constructor() {
    this.bar.max = 1;
    this.element.hidden = true;
    const cancel = button("Cancel", () => this.controller.abort());
    this.element.append(this.text, this.bar, cancel);
  }

  /** Shows the bar. Returns the options for the work. */
  begin(what: string): Required<WorkOptions> {
    this.controller = new AbortController();
    this.text.textContent = `${what}…`;
    this.bar.setAttribute("aria-label", what);
    this.bar.removeAttribute("value"); // unknown so far
    this.element.hidden = false;
    const progress = (part: number): void => {
      this.bar.value = part;
    };
    return { progress, signal: this.controller.signal };
  }

  end(): void {
    this.element.hidden = true;
  }
}
