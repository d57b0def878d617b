// A bar for work that takes a while, with a button that ends it.

import { button, element } from "../ui/dom";
import type { Watch } from "./client";

export class Progress {
  readonly element = element("div", "", { class: "progress" });
  private readonly text = element("span");
  private readonly bar = element("progress");
  private aborted = new AbortController();

  constructor() {
    this.bar.max = 1;
    this.element.hidden = true;
    this.element.append(
      this.text,
      this.bar,
      button("Cancel", () => this.aborted.abort()),
    );
  }

  /** Shows what is being done; returns what the one who does it wants. */
  begin(what: string): Required<Watch> {
    this.aborted = new AbortController();
    this.text.textContent = `${what}…`;
    this.bar.setAttribute("aria-label", what);
    this.bar.removeAttribute("value"); // nobody knows yet how far it is
    this.element.hidden = false;
    return { progress: (part) => (this.bar.value = part), signal: this.aborted.signal };
  }

  end(): void {
    this.element.hidden = true;
  }
}
