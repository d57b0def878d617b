// What the page says in words and figures: connection state, figures, sentences, and the buttons and keys of the view.

import type { Figures } from "../protocol/clock";

export type Level = "info" | "warning" | "error";
export type Shown = "connecting" | "loading" | "waiting" | "live" | "playing" | "paused" | "gone";

const STATES: Readonly<Record<Shown, string>> = {
  connecting: "Connecting",
  loading: "Loading",
  waiting: "Waiting",
  live: "Live",
  playing: "Playing",
  paused: "Paused",
  gone: "Offline",
};

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/** Sets a text only when it changes, so that screen readers and layout are left alone. */
function write(id: string, text: string): void {
  const target = element(id);
  if (target.textContent !== text) target.textContent = text;
}

/** Before the key of a switch, in the browser's store of this page. */
const REMEMBERED = "mocap.view.";

export class Hud {
  private readonly messages = new Map<string, HTMLElement>();
  private readonly timers = new Map<string, number>();

  state(state: Shown): void {
    element("figures").dataset.state = state;
    write("state-text", STATES[state]);
  }

  source(name: string): void {
    write("source", name);
    document.title = name ? `${name} · mocap` : "mocap";
  }

  figures({ fps, latency, drops, idle }: Figures): void {
    const moving = idle < 1.5;
    write("fps", moving ? fps.toFixed(0) : "–");
    write("latency", moving && latency !== null ? (latency * 1000).toFixed(0) : "–");
    write("drops", Number.isFinite(idle) ? String(drops) : "–");
  }

  /** Shows a sentence under a key, in place of the one before it; an empty one takes it away. seconds: how long it stays. */
  say(key: string, level: Level, sentence: string, seconds = Infinity): void {
    window.clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    let box = this.messages.get(key);
    if (!sentence) {
      box?.remove();
      this.messages.delete(key);
      return;
    }
    if (!box) {
      box = document.createElement("p");
      this.messages.set(key, box);
      element("messages").append(box);
    }
    box.className = `message ${level}`;
    if (box.textContent !== sentence) box.textContent = sentence;
    if (Number.isFinite(seconds))
      this.timers.set(
        key,
        window.setTimeout(() => this.say(key, level, ""), seconds * 1000),
      );
  }

  /** Whether somebody stands on the stage: if not, sentences take the middle. */
  stage(empty: boolean): void {
    document.body.dataset.stage = empty ? "empty" : "full";
  }

  /** Calls back when a button of the controls, or its key, is pressed. */
  press(key: string, pressed: () => void): void {
    const button = document.querySelector<HTMLButtonElement>(`#controls [data-key="${key}"]`);
    if (!button) throw new Error(`index.html has no button for ${key}`);
    button.addEventListener("click", pressed);
    this.key(key, button, pressed);
  }

  /** Calls back when a key is pressed, while its button is there. */
  key(key: string, button: HTMLButtonElement, pressed: () => void): void {
    window.addEventListener("keydown", (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
      if (plain && !button.closest("[hidden]") && event.key.toLowerCase() === key) pressed();
    });
  }

  /** The button and the key of a view's switch: `turn` is called with its new position, at once if another one was chosen on an earlier
   * visit. Returns a function that sets it from outside. */
  toggle(key: string, turn: (on: boolean) => void, remembered = true): (on: boolean) => void {
    const button = document.querySelector<HTMLButtonElement>(`#controls [data-key="${key}"]`)!;
    const set = (on: boolean): void => {
      button.setAttribute("aria-pressed", String(on));
      if (remembered) localStorage.setItem(REMEMBERED + key, String(on));
      turn(on);
    };
    const flip = (): void => set(button.getAttribute("aria-pressed") !== "true");
    this.press(key, flip);
    const before = remembered ? localStorage.getItem(REMEMBERED + key) : null;
    if (before !== null && before !== button.getAttribute("aria-pressed")) set(before === "true");
    return set;
  }

  hidePanels(hidden: boolean): void {
    document.body.toggleAttribute("data-hidden", hidden);
    const label = document.querySelector('#controls [data-key="h"] span');
    if (label) label.textContent = hidden ? "Show" : "Hide";
  }
}
