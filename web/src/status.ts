// The state badge, the figures, the source's name and the hint, from the state of the page.

import type { LiveStream } from "./live";
import type { Player } from "./playback/player";
import type { Performer } from "./stage/performer";
import { type PageState, STILL, showFigures, showSource, showState } from "./ui/figures";
import { Hints, type Situation } from "./ui/hints";

export class Status {
  private readonly hints = new Hints();
  /** The name of the take that plays. */
  private take: string | null = null;

  constructor(
    private readonly live: LiveStream,
    private readonly performer: Performer,
    private readonly player: Player,
  ) {
    document.body.dataset.stage = "empty";
  }

  /** A take plays; null when the stream is shown again. */
  playing(take: string | null): void {
    this.take = take;
    this.showSource();
  }

  showSource(): void {
    showSource(this.take ?? this.live.hello?.source.name ?? "");
  }

  state(now: number): PageState {
    const { live, performer, player } = this;
    if (live.connection !== "open") return live.connection;
    if (!live.hello || (!performer.avatar && performer.address)) return "loading";
    if (player.transport) return player.transport.playing ? "playing" : "paused";
    if (live.meter.figures(now).idle < STILL) return "live";
    const source = live.server?.source;
    return source === "lost" || source === "ended" ? source : "waiting";
  }

  report(now: number): void {
    const state = this.state(now);
    showState(state);
    showFigures(this.live.meter.figures(now));
    this.hints.show(this.situation(state));
  }

  private situation(state: PageState): Situation | null {
    const { take, live } = this;
    if (take) return "take";
    const { sample, solver } = document.body.dataset;
    if (sample !== undefined) return solver === "ready" ? "sample" : null;
    if (!live.hello || live.hello.source.kind === "motion") return null;
    if (state === "live") return state;
    // Not while a source only pauses.
    const never = live.meter.figures(0).idle === Infinity;
    return state === "waiting" && never ? state : null;
  }
}
