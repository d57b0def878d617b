// A motion that the page plays by itself: its frames, what its timeline shows, and which moment is on. No element of the page in sight.

import { decode, POSE, type PoseMessage, ProtocolError } from "../protocol/binary";

/** What mocap/stream/clip.py writes, `clip.json`. */
export interface Timeline {
  readonly times: readonly number[];
  /** A bit a column: left heel, left toes, right heel, right toes. */
  readonly contacts: readonly number[];
  /** (F,) 0 to 1, of the keypoints; null for a motion that came from none. */
  readonly confidence: readonly number[] | null;
}

/** The poses in `clip.bin`: messages of `mocap.v1`, all of one length. Throws ProtocolError. */
export function poses(buffer: ArrayBuffer, frames: number, joints: number): PoseMessage[] {
  const length = buffer.byteLength / frames;
  if (!Number.isInteger(length))
    throw new ProtocolError(`A clip of ${frames} frames cannot have ${buffer.byteLength} bytes.`);
  return Array.from({ length: frames }, (_, i) => {
    const message = decode(buffer.slice(i * length, (i + 1) * length), joints);
    if (message.kind !== POSE) throw new ProtocolError("A clip holds poses and nothing else.");
    return message;
  });
}

export class Clip {
  readonly duration: number;

  constructor(
    readonly timeline: Timeline,
    readonly poses: readonly PoseMessage[],
  ) {
    this.duration = timeline.times[timeline.times.length - 1] ?? 0;
  }

  /** Fetches a clip. Rejects with an Error whose message says why it cannot be shown. */
  static async load(address: string, joints: number): Promise<Clip> {
    const [timeline, data] = await Promise.all(
      [".json", ".bin"].map(async (suffix) => {
        const answer = await fetch(address + suffix);
        if (!answer.ok)
          throw new Error(
            answer.status === 404
              ? "there is no such motion"
              : `the server answers ${answer.status}`,
          );
        return suffix === ".json" ? ((await answer.json()) as Timeline) : answer.arrayBuffer();
      }),
    );
    const line = timeline as Timeline;
    return new Clip(line, poses(data as ArrayBuffer, line.times.length, joints));
  }

  /** The index of the frame that is on at a time: the last that has begun. */
  at(time: number): number {
    const { times } = this.timeline;
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      // A time that was meant to be a frame's own must find that frame.
      if (times[middle]! <= time + 1e-6) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** (F, 3) degrees: how a joint is turned against its rest, as a rotation vector's x, y and z. */
  curves(joint: number): Float32Array {
    const out = new Float32Array(3 * this.poses.length);
    this.poses.forEach(({ rotations }, i) => {
      const q = 4 * joint;
      const sign = rotations[q + 3]! < 0 ? -1 : 1;
      const [x, y, z, w] = [
        rotations[q]! * sign,
        rotations[q + 1]! * sign,
        rotations[q + 2]! * sign,
        rotations[q + 3]! * sign,
      ];
      const sine = Math.hypot(x, y, z);
      const scale = ((sine > 1e-9 ? (2 * Math.atan2(sine, w)) / sine : 2) * 180) / Math.PI;
      out.set([x * scale, y * scale, z * scale], 3 * i);
    });
    return out;
  }
}

/** Which moment of a clip is on: it plays between two marks, at a speed, once or again and again. All in seconds. */
export class Transport {
  time = 0;
  playing = true;
  loop = true;
  speed = 1;
  start = 0;
  end: number;

  constructor(readonly duration: number) {
    this.end = duration;
  }

  /** Lets so many seconds of the wall's clock pass. */
  advance(elapsed: number): void {
    if (!this.playing) return;
    this.time += elapsed * this.speed;
    if (this.time < this.end) return;
    const span = this.end - this.start;
    if (this.loop && span > 0) this.time = this.start + ((this.time - this.start) % span);
    else {
      this.time = this.end;
      this.playing = this.loop;
    }
  }

  /** Goes to a moment, also outside the marks; from there it plays on to the end mark. */
  seek(time: number): void {
    this.time = Math.min(Math.max(time, 0), this.duration);
  }

  /** Plays or pauses; from the end mark, or beyond it, it begins at the start mark. */
  toggle(): void {
    this.playing = !this.playing;
    if (this.playing && this.time >= this.end - 1e-6) this.time = this.start;
  }

  /** Sets the marks; the nearer one gives way, so that start ≤ end. */
  mark(which: "start" | "end", time: number): void {
    const at = Math.min(Math.max(time, 0), this.duration);
    if (which === "start") [this.start, this.end] = [at, Math.max(at, this.end)];
    else [this.start, this.end] = [Math.min(at, this.start), at];
  }
}
