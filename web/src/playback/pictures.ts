// The pictures of a take, which play with it: JPEGs in one file, found by their times.

import { transport } from "../transport";

/** Where the pictures of a take lie (mocap/studio/messages.py, Open). */
export interface PictureFile {
  /** The file's address. */
  readonly file: string;
  /** Time of each picture, seconds of the clip, increasing. */
  readonly times: readonly number[];
  /** First byte of each picture, and the end of the last. */
  readonly offsets: readonly number[];
}

export class ClipPictures {
  private constructor(
    private readonly where: PictureFile,
    private readonly data: Blob,
    readonly aspect: number,
  ) {}

  /** Fetches the pictures; null if the file or its first picture cannot be read. */
  static async load(where: PictureFile): Promise<ClipPictures | null> {
    const answer = await transport.fetch(where.file);
    if (!answer.ok || where.times.length === 0) return null;
    const data = await answer.blob();
    const first = await decode(where, data, 0);
    if (!first) return null;
    const aspect = first.width / first.height;
    first.close();
    return new ClipPictures(where, data, aspect);
  }

  /** The index of the last picture at or before a time; the first one before that. */
  at(time: number): number {
    const { times } = this.where;
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
    return decode(this.where, this.data, index);
  }
}

function decode({ offsets }: PictureFile, data: Blob, index: number): Promise<ImageBitmap | null> {
  const part = data.slice(offsets[index], offsets[index + 1], "image/jpeg");
  return createImageBitmap(part).catch(() => null);
}
