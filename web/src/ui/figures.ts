// The state badge, the figures beside it, and the source's name.

import type { Figures } from "../protocol/meter";
import { byId, write } from "./dom";

const STATES = {
  connecting: "Connecting",
  loading: "Loading",
  waiting: "Waiting",
  live: "Live",
  playing: "Playing",
  paused: "Paused",
  lost: "Source lost",
  ended: "Ended",
  gone: "Offline",
} as const;

export type PageState = keyof typeof STATES;

/** Without a pose for so long (seconds) the figures are blank. */
export const STILL = 1.5;

export function showState(state: PageState): void {
  byId("figures").dataset.state = state;
  write(byId("state-text"), STATES[state]);
}

export function showSource(name: string): void {
  write(byId("source"), name);
  document.title = name ? `${name} · mocap` : "mocap";
}

export function showFigures({ fps, latency, drops, idle }: Figures): void {
  const moving = idle < STILL;
  write(byId("fps"), moving ? fps.toFixed(0) : "–");
  write(byId("latency"), moving && latency !== null ? (latency * 1000).toFixed(0) : "–");
  write(byId("drops"), Number.isFinite(idle) ? String(drops) : "–");
}
