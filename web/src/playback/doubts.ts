// What of a clip cannot be trusted: a thin band under the timeline, and a line that says it.

import { ProtocolError } from "../protocol/binary";
import { element, write } from "../ui/dom";

const KINDS = ["unseen", "held", "rest", "cut"] as const;

/** A span of a clip that does not rest on what the picture shows (mocap/solve/doubts.py). */
export interface Doubt {
  /** No person is seen, a limb is held, an upper body's legs rest, or a hard cut. */
  readonly kind: (typeof KINDS)[number];
  /** Seconds; a cut's are equal. */
  readonly start: number;
  readonly stop: number;
  readonly words: string;
}

/** Pixels beside a span that still count as on it: cuts are lines. */
const NEAR = 4;

/** Reads the doubts of a clip. Throws ProtocolError. */
export function doubtsIn(value: unknown): Doubt[] {
  if (!Array.isArray(value) || !value.every(isDoubt))
    throw new ProtocolError("A clip's doubts must be spans of time, each of a kind, with words.");
  return value;
}

function isDoubt(value: unknown): value is Doubt {
  if (typeof value !== "object" || value === null) return false;
  const { kind, start, stop, words } = value as Record<string, unknown>;
  return (
    KINDS.some((known) => known === kind) &&
    Number.isFinite(start) &&
    Number.isFinite(stop) &&
    (start as number) <= (stop as number) &&
    typeof words === "string"
  );
}

/** What cannot be trusted at a time, in words; empty if there is nothing. slack: seconds. */
export function wordsAt(doubts: readonly Doubt[], time: number, slack = 0): string {
  const there = doubts.filter(({ kind, start, stop }) => {
    const more = kind === "cut" ? Math.max(slack, 1e-6) : slack;
    return time >= start - more && time < stop + more;
  });
  return [...new Set(there.map(({ words }) => words))].join(" ");
}

export class DoubtBand {
  readonly element = element("div", "", { class: "doubts" });
  private readonly canvas = element("canvas");
  private readonly told = element("p");
  /** The time under the pointer, seconds. */
  private pointed: number | null = null;
  private time = 0;

  /** @param seek Called with the time of a span that was pressed. */
  constructor(
    private readonly doubts: readonly Doubt[],
    private readonly duration: number,
    seek: (time: number) => void,
  ) {
    this.element.hidden = doubts.length === 0;
    this.element.append(this.canvas, this.told);
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("pointerdown", (event) => {
      this.point(event);
      seek(Math.min(Math.max(this.pointed!, 0), duration));
    });
  }

  /** What cannot be trusted at a moment. */
  words(time: number): string {
    return wordsAt(this.doubts, time);
  }

  draw(time: number, quiet: string): void {
    this.time = time;
    this.say();
    const { width, height } = this.canvas.getBoundingClientRect();
    const pen = this.canvas.getContext("2d");
    if (width === 0 || !pen) return;
    const ratio = window.devicePixelRatio;
    [this.canvas.width, this.canvas.height] = [width * ratio, height * ratio];
    pen.scale(ratio, ratio);
    pen.fillStyle = quiet;
    pen.globalAlpha = 0.12;
    pen.fillRect(0, 0, width, height);
    pen.globalAlpha = 1;
    const scale = this.duration > 0 ? width / this.duration : 0;
    // Narrow spans stay visible beside wide ones, and cuts on all of them.
    const order = (kind: Doubt["kind"]): number => ["rest", "held", "unseen", "cut"].indexOf(kind);
    for (const { kind, start, stop } of [...this.doubts].sort(
      (a, b) => order(a.kind) - order(b.kind),
    )) {
      const half = kind === "rest" || kind === "held";
      pen.fillStyle = { unseen: "#e5484d", held: "#e0932f", rest: quiet, cut: "#8b5cf6" }[kind];
      const top = half ? height / 2 : 0;
      pen.fillRect(start * scale, top, Math.max((stop - start) * scale, 2), height - top);
    }
  }

  private point(event: PointerEvent | null): void {
    const { left, width } = this.canvas.getBoundingClientRect();
    this.pointed = event && ((event.clientX - left) / width) * this.duration;
    this.say();
  }

  /** Says what is under the pointer, else what is at the current moment. */
  private say(): void {
    const { width } = this.canvas.getBoundingClientRect();
    const slack = width > 0 ? (NEAR * this.duration) / width : 0;
    const { pointed } = this;
    write(
      this.told,
      pointed === null ? this.words(this.time) : wordsAt(this.doubts, pointed, slack),
    );
  }
}
