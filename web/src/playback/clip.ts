// A motion that the page plays: its frames, and what its timeline shows.

import { decode, POSE, type PoseMessage, ProtocolError } from "../protocol/binary";
import { transport } from "../transport";
import { type Doubt, doubtsIn } from "./doubts";

/** The source's pictures that play with a clip, in `clip.mjpg`: JPEGs one after another. */
export interface ClipSource {
  /** Time of each picture, seconds of the clip, increasing. */
  readonly times: readonly number[];
  /** First byte of each picture, and the end of the last. */
  readonly offsets: readonly number[];
  /** Width of a picture divided by its height. */
  readonly aspect: number;
  /** The camera's vertical field of view, radians. */
  readonly fov: number;
  /** Of each frame, the camera's position (metres) and rotation (xyzw) in the clip's world. */
  readonly views: readonly (readonly number[])[] | null;
}

/** The contents of `clip.json` (mocap/stream/clip.py). */
export interface Timeline {
  readonly times: readonly number[];
  /** A bit each: left heel, left toes, right heel, right toes. */
  readonly contacts: readonly number[];
  /** (F,) 0 to 1, of the keypoints; null for a motion without keypoints. */
  readonly confidence: readonly number[] | null;
  readonly doubts: readonly Doubt[];
  /** Null for a clip without pictures. */
  readonly source: ClipSource | null;
}

/** The poses in `clip.bin`: pose messages, all of one length. Throws ProtocolError. */
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

  /** Fetches a clip. Throws an Error whose message says why it cannot be shown. */
  static async load(address: string, joints: number): Promise<Clip> {
    const [timeline, data] = await Promise.all(
      [".json", ".bin"].map(async (suffix) => {
        const answer = await transport.fetch(address + suffix);
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
    doubtsIn(line.doubts);
    return new Clip(line, poses(data as ArrayBuffer, line.times.length, joints));
  }

  /** The index of the last frame that has begun at this time. */
  at(time: number): number {
    const { times } = this.timeline;
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      // A frame's own time finds that frame, in spite of rounding.
      if (times[middle]! <= time + 1e-6) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** (F, 3) degrees: a joint's rotation from its rest, as a rotation vector. */
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
