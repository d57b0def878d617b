// Small pictures of the page's own camera for a take that keeps its pictures. They go to the server
// after the keypoints, never before, and only while nothing waits to be sent.

import { type FrameHeader, PICTURE, type PictureMessage } from "../protocol/binary";

/** Pixels: the longer side of a picture. The server accepts twice as many. */
const SIDE = 360;
const QUALITY = 0.7;
/** Bytes of the largest picture that is sent, as the server takes it; the usual one has a sixth. */
const LARGEST = 60 * 1024;
/** Seconds between two pictures, and without any after keypoints had to wait. */
const BETWEEN = 1 / 20;
const PAUSE = 1;

export class PictureSender {
  /** Whether the take that is recorded keeps pictures. */
  wanted = false;
  private encoding = false;
  private next = 0;

  /** @param send Sends a picture; it does nothing while something waits to be sent. */
  constructor(private readonly send: (picture: PictureMessage) => void) {}

  /** Sends a picture of the frame, if one is due; it is read before this returns. */
  offer(bitmap: ImageBitmap, header: FrameHeader): void {
    if (!this.wanted || this.encoding || header.time < this.next) return;
    this.next = header.time + BETWEEN;
    const { width, height } = fitted(bitmap.width, bitmap.height);
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, width, height);
    this.encoding = true;
    void this.encode(canvas, header);
  }

  /** Keypoints had to wait: pictures pause. time: of their frame, seconds. */
  giveWay(time: number): void {
    this.next = time + PAUSE;
  }

  private async encode(canvas: OffscreenCanvas, header: FrameHeader): Promise<void> {
    try {
      const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
      if (blob.type !== "image/jpeg" || blob.size > LARGEST) return;
      const jpeg = new Uint8Array(await blob.arrayBuffer());
      this.send({ kind: PICTURE, ...header, jpeg });
    } catch {
      // A take without this picture is still a take.
    } finally {
      this.encoding = false;
    }
  }
}

/** The size of a picture whose longer side has SIDE pixels at most. */
export function fitted(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
}
