// `window.mocap`: what was drawn last, for the tests of the page.

import type { CameraSession } from "./camera/session";
import type { LiveStream } from "./live";
import { seconds } from "./loop";
import type { Figures } from "./protocol/meter";
import type { Guests } from "./stage/guests";
import type { Performer } from "./stage/performer";
import type { PageState } from "./ui/figures";

type Places = Record<string, [number, number, number]>;

export interface Surface {
  /** World positions, metres, of the avatar's humanoid bones after the last drawn frame. */
  bonePositions(): Places;
  /** The same of the performers beside the first, by subject. */
  guests(): Record<number, Places>;
  /** The weights of the avatar's expressions. */
  expressions(): Record<string, number>;
  /** The number of the last drawn frame; −1 before the first. */
  frame(): number;
  /** World position, metres, of the bone that is marked; null for none. */
  marked(): [number, number, number] | null;
  /** Milliseconds: `detector` for one picture of the page's camera, `answered` until its pose. */
  stats(): Figures & {
    readonly state: PageState;
    readonly detector: number | null;
    readonly answered: number | null;
  };
}

declare global {
  interface Window {
    mocap: Surface;
  }
}

export function surface(
  performer: Performer,
  guests: Guests,
  live: LiveStream,
  session: CameraSession,
  state: () => PageState,
): Surface {
  return {
    bonePositions: () => performer.avatar?.bonePositions() ?? {},
    guests: () => guests.bonePositions(),
    expressions: () => performer.avatar?.expressions() ?? {},
    frame: () => performer.last?.frame ?? -1,
    marked: () => performer.marked,
    stats: () => ({
      state: state(),
      detector: session.took,
      answered: live.answered,
      ...live.meter.figures(seconds()),
    }),
  };
}
