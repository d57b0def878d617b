// The pictures of a take, which play with it: JPEGs in one file, found by their times.

import { transport } from "../transport";
import type { ClipSource } from "./clip";

export class ClipPictures {
  private constructor(
    readonly source: ClipSource,
    private readonly data: Blob,
  ) {}

  /** Fetches the pictures of the clip at an address; null if they cannot be read. */
  static async load(address: string, source: ClipSource): Promise<ClipPictures | null> {
    const answer = await transport.fetch(`${address}.mjpg`).catch(() => null);
    return answer?.ok ? new ClipPictures(source, await answer.blob()) : null;
  }

  /** The index of the last picture at or before a time; the first one before that. */
  at(time: number): number {
    const { times } = this.source;
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle]! <= time + 1e-3) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Decodes a picture; null if it is damaged. The caller closes the bitmap. */
  decode(index: number): Promise<ImageBitmap | null> {
    const { offsets } = this.source;
    const part = this.data.slice(offsets[index], offsets[index + 1], "image/jpeg");
    return createImageBitmap(part).catch(() => null);
  }
}
