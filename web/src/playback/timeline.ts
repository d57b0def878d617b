// The timeline of a clip: play, scrub, marks, speed; contacts and confidence as strips, and the curves of one joint's angles.

import { LEFT, RIGHT } from "../stage/skeleton";
import type { Clip, Transport } from "./clip";

const LANE = 4;
const AXES = ["#e5484d", "#2f9e57", "#3e7bfa"] as const;
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;

function button(label: string, keys: string, title: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.title = title;
  made.setAttribute("aria-keyshortcuts", keys);
  made.setAttribute("aria-label", title);
  return made;
}

export class TimelinePanel {
  private readonly panel = document.querySelector<HTMLElement>("#timeline")!;
  private readonly canvas = document.createElement("canvas");
  private readonly play = button("Pause", "Space", "Play or pause");
  private readonly loop = button("Loop", "l", "Play again and again");
  private readonly speed = document.createElement("select");
  private readonly joint = document.createElement("select");
  private readonly now = document.createElement("output");
  private readonly keys = (event: KeyboardEvent): void => this.key(event);
  private curves: Float32Array | null = null;
  private readonly sizes = new ResizeObserver(() => this.room());
  private shown = "";

  /** touched: called when the moment, or the picture of it, has changed by hand. */
  constructor(
    private readonly clip: Clip,
    private readonly transport: Transport,
    joints: readonly string[],
    private readonly touched: () => void,
  ) {
    const bar = document.createElement("div");
    bar.className = "bar";
    const start = button("In", "i", "Begin here");
    const end = button("Out", "o", "End here");
    const whole = button("All", "a", "Play the whole clip");
    start.onclick = () => this.mark("start");
    end.onclick = () => this.mark("end");
    whole.onclick = () => this.all();
    this.play.onclick = () => this.toggle();
    this.loop.onclick = () => this.change(() => (transport.loop = !transport.loop));
    this.speed.setAttribute("aria-label", "Speed");
    this.speed.append(...SPEEDS.map((s) => new Option(`${s}×`, String(s), s === 1, s === 1)));
    this.speed.onchange = () => this.change(() => (transport.speed = Number(this.speed.value)));
    this.joint.setAttribute("aria-label", "Joint whose angles are drawn");
    this.joint.append(
      new Option("No curves", "-1"),
      ...joints.map((name, i) => new Option(name, String(i))),
    );
    this.joint.onchange = () => {
      const chosen = Number(this.joint.value);
      this.curves = chosen < 0 ? null : clip.curves(chosen);
      this.draw(true);
    };
    bar.append(this.play, this.now, start, end, whole, this.loop, this.speed, this.joint);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "slider");
    this.canvas.setAttribute("aria-label", "Moment of the clip");
    this.canvas.setAttribute("aria-valuemin", "0");
    this.canvas.setAttribute("aria-valuemax", clip.duration.toFixed(2));
    this.canvas.onpointerdown = (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.scrub(event);
    };
    this.canvas.onpointermove = (event) =>
      this.canvas.hasPointerCapture(event.pointerId) && this.scrub(event);
    this.panel.replaceChildren(bar, this.canvas);
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
    this.room();
  }

  /** What the timeline takes of the page's foot, for the rest of the page to make room: `--foot`, and a resize of the window. */
  private room(): void {
    const height = this.panel.offsetHeight;
    document.body.style.setProperty("--foot", height ? `${height + 10}px` : "0px");
    window.dispatchEvent(new Event("resize"));
  }

  /** Draws what has changed since the last call; everything, where told to. */
  draw(anew = false): void {
    const { transport, clip } = this;
    const { width, height } = this.canvas.getBoundingClientRect();
    const state = [
      transport.time,
      transport.playing,
      transport.loop,
      transport.start,
      transport.end,
      width,
      height,
    ].join();
    if ((state === this.shown && !anew) || width === 0) return;
    this.shown = state;
    this.play.textContent = transport.playing ? "Pause" : "Play";
    this.loop.setAttribute("aria-pressed", String(transport.loop));
    this.now.textContent = `${clock(transport.time)} / ${clock(clip.duration)} · ${clip.at(transport.time)}`;
    this.canvas.setAttribute("aria-valuenow", transport.time.toFixed(2));
    this.canvas.setAttribute(
      "aria-valuetext",
      `${transport.time.toFixed(2)} seconds, frame ${clip.at(transport.time)}`,
    );
    const ratio = window.devicePixelRatio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const pen = this.canvas.getContext("2d")!;
    pen.scale(ratio, ratio);
    this.strips(pen, width, height);
  }

  private strips(pen: CanvasRenderingContext2D, width: number, height: number): void {
    const { clip, transport } = this;
    const { times, contacts, confidence } = clip.timeline;
    const style = getComputedStyle(this.panel);
    const ink = style.getPropertyValue("--quiet");
    const x = (time: number): number => (clip.duration > 0 ? (time / clip.duration) * width : 0);
    const floor = height - 4 * (LANE + 1);
    if (confidence) {
      pen.fillStyle = ink;
      pen.globalAlpha = 0.16;
      pen.beginPath();
      pen.moveTo(0, floor);
      confidence.forEach((c, i) => pen.lineTo(x(times[i]!), floor - c * floor));
      pen.lineTo(width, floor);
      pen.fill();
    }
    pen.globalAlpha = 1;
    for (let lane = 0; lane < 4; lane++) {
      pen.fillStyle = lane < 2 ? LEFT : RIGHT;
      for (let i = 0; i < contacts.length; i++) {
        if (!((contacts[i]! >> lane) & 1)) continue;
        let last = i;
        while (last + 1 < contacts.length && (contacts[last + 1]! >> lane) & 1) last++;
        const until = x(times[last + 1] ?? clip.duration);
        pen.fillRect(
          x(times[i]!),
          floor + 1 + lane * (LANE + 1),
          Math.max(1, until - x(times[i]!)),
          LANE,
        );
        i = last;
      }
    }
    if (this.curves) this.angles(pen, this.curves, x, floor, ink);
    pen.fillStyle = style.getPropertyValue("--backdrop");
    pen.globalAlpha = 0.72;
    pen.fillRect(0, 0, x(transport.start), height);
    pen.fillRect(x(transport.end), 0, width, height);
    pen.globalAlpha = 1;
    pen.fillStyle = style.getPropertyValue("--accent");
    pen.fillRect(Math.min(Math.max(x(transport.time) - 1, 0), width - 2), 0, 2, height);
  }

  /** The three angles of the chosen joint, to one scale of whole right angles, with 0 in the middle. */
  private angles(
    pen: CanvasRenderingContext2D,
    curves: Float32Array,
    x: (time: number) => number,
    floor: number,
    ink: string,
  ): void {
    const most = curves.reduce((m, c) => Math.max(m, Math.abs(c)), 1);
    const scale = Math.ceil(most / 45) * 45;
    const y = (degrees: number): number => floor * (0.5 - 0.48 * (degrees / scale));
    pen.fillStyle = ink;
    pen.globalAlpha = 0.35;
    pen.fillRect(0, y(0), this.canvas.clientWidth, 1);
    pen.globalAlpha = 1;
    pen.lineWidth = 1.5;
    AXES.forEach((colour, axis) => {
      pen.strokeStyle = colour;
      pen.beginPath();
      this.clip.timeline.times.forEach((t, i) => pen.lineTo(x(t), y(curves[3 * i + axis]!)));
      pen.stroke();
    });
    pen.font = "11px system-ui, sans-serif";
    pen.fillText(`±${scale}°`, 4, 12);
    AXES.forEach((colour, axis) => {
      pen.fillStyle = colour;
      pen.fillText("xyz"[axis]!, 44 + 12 * axis, 12);
    });
  }

  private change(what: () => void): void {
    what();
    this.draw();
    this.touched();
  }

  private toggle(): void {
    this.change(() => this.transport.toggle());
  }

  private mark(which: "start" | "end"): void {
    this.change(() => this.transport.mark(which, this.transport.time));
  }

  private all(): void {
    this.change(() => {
      this.transport.mark("start", 0);
      this.transport.mark("end", this.clip.duration);
    });
  }

  private scrub(event: PointerEvent): void {
    const { left, width } = this.canvas.getBoundingClientRect();
    this.change(() => {
      this.transport.playing = false;
      this.transport.seek(((event.clientX - left) / width) * this.clip.duration);
    });
  }

  private step(frames: number): void {
    const { times } = this.clip.timeline;
    const at = Math.min(Math.max(this.clip.at(this.transport.time) + frames, 0), times.length - 1);
    this.change(() => {
      this.transport.playing = false;
      this.transport.seek(times[at]!);
    });
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement)
      return;
    // A button in focus takes the space bar for itself.
    if (event.key === " " && event.target instanceof HTMLButtonElement) return;
    const frames = event.shiftKey ? 10 : 1;
    const actions: Record<string, () => void> = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.step(-frames),
      ArrowRight: () => this.step(frames),
      Home: () => this.change(() => this.transport.seek(this.transport.start)),
      End: () => this.change(() => this.transport.seek(this.transport.end)),
      i: () => this.mark("start"),
      o: () => this.mark("end"),
      a: () => this.all(),
      l: () => this.change(() => (this.transport.loop = !this.transport.loop)),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
