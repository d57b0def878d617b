// The avatar over the source's picture: the picture is behind the stage, and the source's camera
// replaces the user's.

import type { BodyFit } from "../stage/pose";
import type { FixedCamera } from "../stage/stage";
import { byId } from "../ui/dom";
import type { ClipSource } from "./clip";

export class Overlay {
  private readonly canvas = byId<HTMLCanvasElement>("behind");

  /** Shows or hides the picture behind the stage. */
  show(on: boolean): void {
    document.body.toggleAttribute("data-overlay", on);
    if (!on) this.clear();
  }

  mirror(on: boolean): void {
    this.canvas.toggleAttribute("data-mirrored", on);
  }

  /** Shows no picture. */
  clear(): void {
    this.canvas.width = this.canvas.height = 0;
  }

  /** Draws a picture and closes it. */
  draw(bitmap: ImageBitmap): void {
    const { canvas } = this;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    }
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    bitmap.close();
  }
}

/**
 * The source's camera at a frame, for an avatar of another size; null if it is not known.
 *
 * @param fit Where the avatar puts the motion's root: everything else is scaled with it, so the
 * camera is too, and the picture stays the same.
 */
export function sourceCamera(
  { views, fov, aspect }: ClipSource,
  frame: number,
  fit: BodyFit,
  mirror: boolean,
): FixedCamera | null {
  const view = views?.[frame];
  if (!view) return null;
  const [x, y, z, qx, qy, qz, qw] = view as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const side = mirror ? -1 : 1;
  return {
    position: [side * fit.scale * x, fit.scale * y + fit.lift, fit.scale * z],
    rotation: [qx, side * qy, side * qz, qw],
    fov,
    aspect,
  };
}
