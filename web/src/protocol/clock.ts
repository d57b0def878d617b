// Measures of time: the server's clock as seen from here, and what the display says of the drawn frames. Pure, all times in seconds.

/** Round trips that are kept: old ones make room, so that a drifting clock is followed. */
const TRIPS = 12;

/** The server's monotonic clock, estimated from pings: the quickest round trip of late has the least room for error (as in NTP). */
export class ServerClock {
  private trips: { readonly round: number; readonly offset: number }[] = [];

  add(sent: number, received: number, clock: number): void {
    this.trips = [
      ...this.trips.slice(1 - TRIPS),
      { round: received - sent, offset: clock - (sent + received) / 2 },
    ];
  }

  /** The server's seconds at the client's second `now`, or null before the first answer. */
  at(now: number): number | null {
    const best = this.trips.reduce<{ round: number; offset: number } | null>(
      (a, b) => (a && a.round <= b.round ? a : b),
      null,
    );
    return best && now + best.offset;
  }

  reset(): void {
    this.trips = [];
  }
}

/** What the display shows. */
export interface Figures {
  /** Poses drawn a second, over the last second. */
  readonly fps: number;
  /** Median over the last second, seconds from the frame's arrival at the server to its pose drawn; null while not known. */
  readonly latency: number | null;
  /** The worst of the last second, seconds. */
  readonly worst: number | null;
  /** Frames that were never drawn since the connection stands. */
  readonly drops: number;
  /** Seconds since the last pose was drawn; infinite before the first. */
  readonly idle: number;
}

const WINDOW = 1;

/** Counts drawn frames. A frame's number below the last one's is a new count (the source began again), not a drop. */
export class Meter {
  private readonly drawn: { readonly at: number; readonly latency: number | null }[] = [];
  private last: number | null = null;
  private drops = 0;

  add(frame: number, at: number, latency: number | null): void {
    if (this.last !== null && frame > this.last) this.drops += frame - this.last - 1;
    this.last = frame;
    this.drawn.push({ at, latency });
    this.forget(at);
  }

  figures(now: number): Figures {
    const idle = this.drawn.length ? now - this.drawn[this.drawn.length - 1]!.at : Infinity;
    const recent = this.drawn.filter((d) => now - d.at < WINDOW);
    const latencies = recent
      .flatMap((d) => (d.latency === null ? [] : [d.latency]))
      .sort((a, b) => a - b);
    return {
      fps: recent.length / WINDOW,
      latency: latencies.length ? latencies[latencies.length >> 1]! : null,
      worst: latencies.length ? latencies[latencies.length - 1]! : null,
      drops: this.drops,
      idle,
    };
  }

  /** A new connection: its frame numbers and drops are its own. */
  reset(): void {
    this.last = null;
    this.drops = 0;
  }

  private forget(now: number): void {
    // The very last stays, however old, for `idle`.
    while (this.drawn.length > 1 && now - this.drawn[0]!.at >= WINDOW) this.drawn.shift();
  }
}
