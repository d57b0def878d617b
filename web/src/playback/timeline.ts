// The timeline of a clip: play, scrub, marks, speed, and the curves of one joint.

import { isPlainKey } from "../ui/controls";
import { button, byId, choice, element, minutes, write } from "../ui/dom";
import type { Clip } from "./clip";
import { DoubtBand } from "./doubts";
import { drawStrips } from "./strips";
import type { Transport } from "./transport";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

/** The switch between the pictures in the corner and the avatar over them. */
export interface OverlaySwitch {
  /** Whether the clip has pictures to lay the avatar over. */
  readonly able: boolean;
  readonly set: (on: boolean) => void;
}

export class TimelinePanel {
  private readonly panel = byId("timeline");
  private readonly canvas = element("canvas");
  private readonly play = button("Pause", () => this.toggle(), {
    key: "Space",
    label: "Play or pause",
  });
  private readonly loop = button("Loop", () => this.toggleLoop(), {
    key: "l",
    label: "Play again and again",
  });
  private readonly over = button("Overlay", () => this.toggleOverlay(), {
    key: "g",
    label: "Show the avatar over the source's picture (G)",
  });
  private readonly now = element("output");
  private readonly keys = (event: KeyboardEvent): void => this.key(event);
  private readonly doubts: DoubtBand;
  private curves: Float32Array | null = null;
  private readonly sizes = new ResizeObserver(() => this.makeRoom());
  private shown = "";

  /** @param touched Called when the user has changed the moment. */
  constructor(
    private readonly clip: Clip,
    private readonly transport: Transport,
    joints: readonly string[],
    private readonly touched: () => void,
    private readonly overlay: OverlaySwitch,
  ) {
    this.over.hidden = !overlay.able;
    const { doubts } = clip.timeline;
    this.doubts = new DoubtBand(doubts, clip.duration, (time) => this.pauseAt(time));
    this.panel.replaceChildren(this.bar(joints), this.canvas, this.doubts.element);
    this.slider();
    this.panel.hidden = false;
    document.body.toggleAttribute("data-clip", true);
    window.addEventListener("keydown", this.keys);
    this.sizes.observe(this.panel);
    // The button that opened the clip would take the space bar.
    this.canvas.focus({ preventScroll: true });
  }

  close(): void {
    window.removeEventListener("keydown", this.keys);
    this.sizes.disconnect();
    this.panel.hidden = true;
    this.panel.replaceChildren();
    document.body.toggleAttribute("data-clip", false);
    this.makeRoom();
  }

  /** Draws what has changed since the last call, or everything. */
  draw(everything = false): void {
    const { transport, clip } = this;
    const { time, playing, loop, start, end } = transport;
    const { width, height } = this.canvas.getBoundingClientRect();
    const state = [time, playing, loop, start, end, width, height].join();
    if ((state === this.shown && !everything) || width === 0) return;
    this.shown = state;
    const frame = clip.at(time);
    write(this.play, playing ? "Pause" : "Play");
    this.loop.setAttribute("aria-pressed", String(loop));
    write(this.now, `${minutes(time, 2)} / ${minutes(clip.duration, 2)} · ${frame}`);
    this.canvas.setAttribute("aria-valuenow", time.toFixed(2));
    const place = `${time.toFixed(2)} seconds, frame ${frame}`;
    const words = this.doubts.words(time);
    this.canvas.setAttribute("aria-valuetext", words ? `${place}. ${words}` : place);
    const ratio = window.devicePixelRatio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d");
    if (!pen) return;
    pen.scale(ratio, ratio);
    const style = getComputedStyle(this.panel);
    const ink = {
      quiet: style.getPropertyValue("--quiet"),
      backdrop: style.getPropertyValue("--backdrop"),
      accent: style.getPropertyValue("--accent"),
    };
    this.doubts.draw(time, ink.quiet);
    drawStrips(pen, { clip, transport, curves: this.curves }, ink, width, height);
  }

  private bar(joints: readonly string[]): HTMLElement {
    const speeds = Object.fromEntries(SPEEDS.map((s) => [`x${s}`, `${s}×`]));
    const speed = choice(speeds, "Speed", (value) =>
      this.change(() => {
        this.transport.speed = Number(value.slice(1));
      }),
    );
    speed.value = `x${this.transport.speed}`;
    const curves = { none: "No curves", ...Object.fromEntries(joints.map((name) => [name, name])) };
    const joint = choice(curves, "Joint whose angles are drawn", (name) => {
      this.curves = name === "none" ? null : this.clip.curves(joints.indexOf(name));
      this.draw(true);
    });
    const bar = element("div", "", { class: "bar" });
    bar.append(
      this.play,
      this.now,
      button("In", () => this.mark("start"), { key: "i", label: "Begin here" }),
      button("Out", () => this.mark("end"), { key: "o", label: "End here" }),
      button("All", () => this.markAll(), { key: "a", label: "Play the whole clip" }),
      this.loop,
      this.over,
      speed,
      joint,
    );
    for (const made of bar.querySelectorAll("button")) made.title = made.ariaLabel ?? "";
    return bar;
  }

  private slider(): void {
    const { canvas } = this;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "slider");
    canvas.setAttribute("aria-label", "Moment of the clip");
    canvas.setAttribute("aria-valuemin", "0");
    canvas.setAttribute("aria-valuemax", this.clip.duration.toFixed(2));
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.scrub(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.scrub(event);
    });
  }

  /** Tells the rest of the page how high the timeline is: `--foot`, and a resize of the window. */
  private makeRoom(): void {
    const height = this.panel.offsetHeight;
    document.body.style.setProperty("--foot", height ? `${height + 10}px` : "0px");
    window.dispatchEvent(new Event("resize"));
  }

  private change(what: () => void): void {
    what();
    this.draw();
    this.touched();
  }

  private toggle(): void {
    this.change(() => this.transport.toggle());
  }

  private toggleLoop(): void {
    this.change(() => {
      this.transport.loop = !this.transport.loop;
    });
  }

  /** Shows whether the avatar is over the picture. */
  showOverlay(on: boolean): void {
    this.over.setAttribute("aria-pressed", String(on));
  }

  private toggleOverlay(): void {
    if (this.overlay.able) this.overlay.set(this.over.getAttribute("aria-pressed") !== "true");
  }

  private mark(which: "start" | "end"): void {
    this.change(() => this.transport.mark(which, this.transport.time));
  }

  private markAll(): void {
    this.change(() => {
      this.transport.mark("start", 0);
      this.transport.mark("end", this.clip.duration);
    });
  }

  private pauseAt(time: number): void {
    this.change(() => {
      this.transport.playing = false;
      this.transport.seek(time);
    });
  }

  private scrub(event: PointerEvent): void {
    const { left, width } = this.canvas.getBoundingClientRect();
    this.pauseAt(((event.clientX - left) / width) * this.clip.duration);
  }

  private step(frames: number): void {
    const { times } = this.clip.timeline;
    const wanted = this.clip.at(this.transport.time) + frames;
    this.pauseAt(times[Math.min(Math.max(wanted, 0), times.length - 1)]!);
  }

  private key(event: KeyboardEvent): void {
    // Arrow keys repeat; a focused button or box takes the space bar for itself.
    if (!isPlainKey(event, true)) return;
    const { target } = event;
    const pressed = target instanceof HTMLButtonElement || target instanceof HTMLInputElement;
    if (event.key === " " && pressed) return;
    const frames = event.shiftKey ? 10 : 1;
    const actions: Record<string, () => void> = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.step(-frames),
      ArrowRight: () => this.step(frames),
      Home: () => this.change(() => this.transport.seek(this.transport.start)),
      End: () => this.change(() => this.transport.seek(this.transport.end)),
      i: () => this.mark("start"),
      o: () => this.mark("end"),
      a: () => this.markAll(),
      l: () => this.toggleLoop(),
      g: () => this.toggleOverlay(),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
