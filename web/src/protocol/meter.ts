// What the display shows about the drawn frames. Pure; all times in seconds.

export interface Figures {
  /** Poses drawn a second, over the last second. */
  readonly fps: number;
  /** From a frame's arrival at the server to its pose drawn: median of the last second, or null. */
  readonly latency: number | null;
  /** The worst latency of the last second. */
  readonly worst: number | null;
  /** Frames of this connection that were never drawn. */
  readonly drops: number;
  /** Since the last pose was drawn; infinite before the first. */
  readonly idle: number;
}

const WINDOW = 1;

/** Counts drawn frames. A number below the last one's means that the source has restarted. */
export class FrameMeter {
  private readonly drawn: { readonly at: number; readonly latency: number | null }[] = [];
  private last: number | null = null;
  private drops = 0;

  add(frame: number, at: number, latency: number | null): void {
    if (this.last !== null && frame > this.last) this.drops += frame - this.last - 1;
    this.last = frame;
    this.drawn.push({ at, latency });
    // The very last one stays, however old it is, for `idle`.
    while (this.drawn.length > 1 && at - this.drawn[0]!.at >= WINDOW) this.drawn.shift();
  }

  figures(now: number): Figures {
    const recent = this.drawn.filter(({ at }) => now - at < WINDOW);
    const latencies = recent.flatMap(({ latency }) => latency ?? []).sort((a, b) => a - b);
    return {
      fps: recent.length / WINDOW,
      latency: latencies[latencies.length >> 1] ?? null,
      worst: latencies.at(-1) ?? null,
      drops: this.drops,
      idle: now - (this.drawn.at(-1)?.at ?? -Infinity),
    };
  }

  /** For a new connection, whose frame numbers and drops are counted from zero. */
  reset(): void {
    this.last = null;
    this.drops = 0;
  }
}
