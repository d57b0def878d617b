// The bar that shows how much of the solver has been loaded.

import { bytes, element, write } from "../ui/dom";

export class LoadingBar {
  private readonly panel = element("section", "", { class: "panel", label: "Loading" });
  private readonly text = element("p", "Loading the solver…");
  private readonly bar = element("progress", "", { label: "Loaded" });
  private readonly note = element("p", "Nothing is uploaded: it all runs in this page.");

  constructor() {
    this.panel.id = "loading";
    this.bar.value = 0; // without a value it would move all the time, and so be drawn
    this.panel.setAttribute("role", "status");
    this.panel.append(this.text, this.bar, this.note);
    document.body.append(this.panel);
  }

  show(loaded: number, total: number, what: string): void {
    this.bar.max = total;
    this.bar.value = loaded;
    const sentence =
      loaded < total
        ? `Loading ${what}: ${(loaded / 1e6).toFixed(1)} of ${bytes(total)}`
        : `Starting ${what}…`;
    write(this.text, sentence);
  }

  done(): void {
    this.panel.remove();
  }

  failed(sentence: string): void {
    this.bar.remove();
    this.note.remove();
    this.panel.classList.add("bad");
    this.panel.setAttribute("role", "alert");
    write(this.text, sentence);
    if (!this.panel.isConnected) document.body.append(this.panel);
  }
}
