// What the server streams: the hello, the newest pose that was not drawn yet, the server's state.

import type { PoseMessage } from "./protocol/binary";
import type { ConnectionState } from "./protocol/connection";
import { FrameMeter } from "./protocol/meter";
import type { Hello, ServerState } from "./protocol/text";

export class LiveStream {
  connection: ConnectionState = "connecting";
  hello: Hello | null = null;
  server: ServerState | null = null;
  /** The first performer's newest pose that was not drawn yet. */
  pending: PoseMessage | null = null;
  /** Milliseconds from the last picture's arrival at the server to its pose's arrival here. */
  answered: number | null = null;
  readonly meter = new FrameMeter();

  /** Takes the pending pose; null if there is none. */
  take(): PoseMessage | null {
    const pose = this.pending;
    this.pending = null;
    return pose;
  }

  /** A new connection: the server's state and the pose of the last one are out of date. */
  reset(): void {
    this.pending = null;
    this.meter.reset();
  }
}
