import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import wabt from "wabt";
import type { RefineKernels } from "./refine";

const SOURCE = new URL("../../site/refine.wat", import.meta.url);
const REACH = 3;
const SIDES = 2;

async function kernels(): Promise<RefineKernels & { memory: Float64Array }> {
  const text = (await wabt()).parseWat("refine.wat", readFileSync(SOURCE, "utf8"), { simd: true });
  const memory = new WebAssembly.Memory({ initial: 4 });
  const binary = new Uint8Array(text.toBinary({}).buffer);
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } });
  const { solve_banded, subtract_products } = instance.exports as unknown as RefineKernels;
  return { solve_banded, subtract_products, memory: new Float64Array(memory.buffer) };
}

/** Numbers in [−1, 1) that are the same every time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 1073741824 - 1;
  };
}

/** A banded, symmetric, positive definite matrix: the product of a lower one with its transpose. */
function matrix(frames: number, n: number, next: () => number): number[][] {
  const size = frames * n;
  const lower = Array.from({ length: size }, (_, row) =>
    Array.from({ length: size }, (_, column) => {
      if (column > row || Math.floor(row / n) - Math.floor(column / n) > REACH) return 0;
      return row === column ? 3 + next() : next();
    }),
  );
  return lower.map((a) => lower.map((b) => a.reduce((sum, value, k) => sum + value * b[k]!, 0)));
}

/** Puts a matrix and right-hand sides into panels. */
function panels(a: number[][], sides: number[][], frames: number, n: number): number[] {
  const made: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const columns = [frame * n, (frame + 1) * n] as const;
    for (let row = frame * n; row < (frame + REACH + 1) * n; row++)
      made.push(...(a[row]?.slice(...columns) ?? new Array<number>(n).fill(0)));
    for (const side of sides) made.push(...side.slice(...columns));
  }
  return made;
}

test.each([
  [1, 4],
  [3, 8],
  [9, 12],
])("the kernel solves %i frames of %i unknowns", async (frames, n) => {
  const { solve_banded, memory } = await kernels();
  const next = numbers(frames);
  const a = matrix(frames, n, next);
  const x = Array.from({ length: SIDES }, () => a.map(next));
  const sides = x.map((side) => a.map((row) => row.reduce((sum, v, k) => sum + v * side[k]!, 0)));
  const at = 6; // not at the memory's start
  memory.set(panels(a, sides, frames, n), at);
  expect(solve_banded(8 * at, frames, n, SIDES)).toBe(-1);
  const rows = (REACH + 1) * n + SIDES;
  for (let frame = 0; frame < frames; frame++) {
    for (const [side, expected] of x.entries()) {
      const place = at + (frame * rows + (REACH + 1) * n + side) * n;
      const found = memory.subarray(place, place + n);
      for (const [k, value] of found.entries())
        expect(value).toBeCloseTo(expected[frame * n + k]!, 9);
    }
  }
});

test("the kernel names the frame at which a matrix is not positive definite", async () => {
  const { solve_banded, memory } = await kernels();
  const [frames, n] = [5, 4];
  const a = matrix(frames, n, numbers(4));
  a[2 * n + 1]![2 * n + 1] = -1;
  memory.set(panels(a, [a.map(() => 1), a.map(() => 1)], frames, n));
  expect(solve_banded(0, frames, n, SIDES)).toBe(2);
});

test("the kernel subtracts each frame's products", async () => {
  const { subtract_products, memory } = await kernels();
  const [frames, rows, columns, inner] = [2, 6, 8, 10] as const;
  const next = numbers(5);
  const [a, b, c] = [rows * inner, columns * inner, rows * columns].map((size) =>
    Array.from({ length: frames * size }, next),
  ) as [number[], number[], number[]];
  memory.set([...c, ...a, ...b]);
  const [toA, toB] = [8 * c.length, 8 * (c.length + a.length)];
  subtract_products(0, toA, toB, frames, rows, columns, inner);
  for (let frame = 0; frame < frames; frame++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum += a[(frame * rows + row) * inner + k]! * b[(frame * columns + column) * inner + k]!;
        }
        const at = (frame * rows + row) * columns + column;
        expect(memory[at]).toBeCloseTo(c[at]! - sum, 12);
      }
    }
  }
});
