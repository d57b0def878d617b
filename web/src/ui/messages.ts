// Sentences for the person at the page. Each has a key; a new sentence replaces the one of its key.

import type { Level } from "../protocol/text";
import { byId, element } from "./dom";

export class Messages {
  private readonly list = byId("messages");
  private readonly boxes = new Map<string, HTMLElement>();
  private readonly timers = new Map<string, number>();

  /**
   * Shows a sentence; an empty one removes the sentence of this key.
   *
   * @param seconds How long it stays.
   */
  say(key: string, level: Level, sentence: string, seconds = Infinity): void {
    window.clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    let box = this.boxes.get(key);
    if (!sentence) {
      box?.remove();
      this.boxes.delete(key);
      return;
    }
    if (!box) {
      box = element("p");
      this.boxes.set(key, box);
      this.list.append(box);
    }
    box.className = `message ${level}`;
    if (box.textContent !== sentence) box.textContent = sentence;
    if (Number.isFinite(seconds)) {
      this.timers.set(
        key,
        window.setTimeout(() => this.clear(key), seconds * 1000),
      );
    }
  }

  clear(key: string): void {
    this.say(key, "info", "");
  }
}
