// Crops are equal to Python's, which wrote the golden file (tests/data/make_crops_golden.py).

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { aroundHand, aroundHead, type Crop, inWholePicture, isOwn } from "./crops";

interface Golden {
  readonly size: readonly [number, number];
  readonly bodies: readonly {
    readonly positions: number[][];
    readonly pixels: number[][];
    readonly crops: (number[] | null)[];
  }[];
  readonly faces: readonly {
    readonly columns: number[];
    readonly crop: [number, number, number];
    readonly rows: number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../../tests/data/crops_golden.json", import.meta.url)).toString(),
) as Golden;
const [width, height] = golden.size;
const list = (crop: Crop | null): number[] | null => crop && [crop.x, crop.y, crop.side];

describe("crops", () => {
  it("are equal to Python's", () => {
    let [inside, outside] = [0, 0];
    for (const { positions, pixels, crops } of golden.bodies) {
      const body = {
        positions: new Float32Array(positions.flat()),
        pixels: new Float32Array(pixels.flat()),
      };
      const made = [
        aroundHand(body, 0, width, height),
        aroundHand(body, 1, width, height),
        aroundHead(body, width, height),
      ].map(list);
      made.forEach((crop, which) => {
        const wanted = crops[which]!;
        if (wanted) inside++;
        else outside++;
        expect(crop === null).toBe(wanted === null);
        // Halves may be rounded either way.
        crop?.forEach((n, i) => expect(Math.abs(n - wanted![i]!)).toBeLessThanOrEqual(1));
      });
    }
    expect(Math.min(inside, outside)).toBeGreaterThan(4);
  });

  it("convert a face's transform to the whole picture", () => {
    for (const { columns, crop, rows } of golden.faces) {
      const [x, y, side] = crop;
      inWholePicture(columns, { x, y, side }, width, height).forEach((n, i) =>
        expect(n).toBeCloseTo(rows[i]!, 4),
      );
    }
  });

  it("reject a face far from the crop's middle", () => {
    expect(
      isOwn([
        { x: 0.4, y: 0.5 },
        { x: 0.5, y: 0.6 },
      ]),
    ).toBe(true);
    expect(
      isOwn([
        { x: 0.9, y: 0.5 },
        { x: 0.8, y: 0.6 },
      ]),
    ).toBe(false);
  });
});
