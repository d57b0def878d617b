// A canvas on which parts of pictures are drawn for the detectors.

import type { Crop } from "./crops";
import type { Box } from "./people";

export class PartCanvas {
  readonly canvas = new OffscreenCanvas(16, 16);
  readonly pen = this.canvas.getContext("2d", { willReadFrequently: true })!;

  /** A black picture. */
  black(width: number, height: number): OffscreenCanvas {
    [this.canvas.width, this.canvas.height] = [width, height]; // which clears it
    this.pen.fillRect(0, 0, width, height);
    return this.canvas;
  }

  /** A square of the picture, black beyond the picture's edges; mirrored from left to right. */
  square(bitmap: ImageBitmap, { x, y, side }: Crop, mirrored = false): OffscreenCanvas {
    this.black(side, side);
    if (mirrored) this.pen.setTransform(-1, 0, 0, 1, side, 0);
    this.pen.drawImage(bitmap, -x, -y);
    this.pen.resetTransform();
    return this.canvas;
  }

  /** A square of the picture in which only a box is shown. */
  masked(bitmap: ImageBitmap, { x, y, side }: Crop, shown: Box): OffscreenCanvas {
    this.black(side, side);
    const { x: left, y: top, width, height } = shown;
    this.pen.drawImage(bitmap, left, top, width, height, left - x, top - y, width, height);
    return this.canvas;
  }
}
