// The server's monotonic clock, estimated from pings. Pure; all times in seconds.

/** Round trips that are kept; older ones are dropped, so that clock drift is followed. */
const TRIPS = 12;

/** The quickest recent round trip has the smallest error, as in NTP. */
export class ServerClock {
  private trips: { readonly round: number; readonly offset: number }[] = [];

  /** Adds a round trip: sent and received by the page's clock, answered at the server's `clock`. */
  add(sent: number, received: number, clock: number): void {
    const trip = { round: received - sent, offset: clock - (sent + received) / 2 };
    this.trips = [...this.trips.slice(1 - TRIPS), trip];
  }

  /** The server's seconds at the page's second `now`; null before the first round trip. */
  at(now: number): number | null {
    if (this.trips.length === 0) return null;
    return now + this.trips.reduce((a, b) => (a.round <= b.round ? a : b)).offset;
  }

  reset(): void {
    this.trips = [];
  }
}
