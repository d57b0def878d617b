// The pictures of a take, which play with it: JPEGs in one file, found by their times.

import { transport } from "../transport";
import type { ClipSource } from "./clip";

/** Seconds by which a picture may stand in for damaged ones after it. */
const REACH = 1;

/** A picture of a take. The receiver closes the bitmap. */
export interface ClipPicture {
  readonly index: number;
  readonly bitmap: ImageBitmap;
}

export class ClipPictures {
  /** Indices of pictures that turned out to be damaged. */
  readonly damaged = new Set<number>();

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

  /** The picture of a time, or the whole one shortly before a damaged one; null without any. */
  async picture(time: number): Promise<ClipPicture | null> {
    const { times } = this.source;
    const wanted = this.at(time);
    for (let index = wanted; index >= 0 && times[index]! >= times[wanted]! - REACH; index--) {
      const bitmap = this.damaged.has(index) ? null : await this.decode(index);
      if (bitmap) return { index, bitmap };
      this.damaged.add(index);
    }
    return null;
  }

  private decode(index: number): Promise<ImageBitmap | null> {
    const { offsets } = this.source;
    const part = this.data.slice(offsets[index], offsets[index + 1], "image/jpeg");
    return createImageBitmap(part).catch(() => null);
  }
}
