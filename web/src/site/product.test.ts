import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import wabt from "wabt";
import { matrices } from "./product";

const SOURCE = new URL("../../site/product.wat", import.meta.url);

/** Numbers in [−1, 1) that are the same every time. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 1073741824 - 1;
  });
}

test("the kernel's products are those of a plain loop in single precision", async () => {
  const text = (await wabt()).parseWat("product.wat", readFileSync(SOURCE, "utf8"), { simd: true });
  const module = new WebAssembly.Module(new Uint8Array(text.toBinary({}).buffer));
  const shapes = [
    { inner: 24, columns: 16 },
    { inner: 5, columns: 60 },
  ];
  const weights = shapes.map(({ inner, columns }, n) => ({
    values: numbers(inner * columns, n + 1),
    columns,
  }));
  const made = await matrices(module, weights, 8);
  for (const [n, { inner, columns }] of shapes.entries()) {
    const matrix = made[n]!;
    for (const rows of [1, 4, 7]) {
      const x = numbers(rows * inner, 9);
      matrix.x.set(x);
      matrix.multiply(rows);
      const expected: number[] = [];
      const found: number[] = [];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          for (let k = 0; k < inner; k++) {
            const w = weights[n]!.values[k * columns + column]!;
            sum = Math.fround(sum + Math.fround(x[row * inner + k]! * w));
          }
          expected.push(sum);
          found.push(matrix.out[row * matrix.stride + column]!);
        }
      }
      expect(found).toEqual(expected);
    }
  }
});
