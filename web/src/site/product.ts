// The matrix product of the lifter's network (web/site/product.wat): Pyodide's NumPy has no BLAS.

interface Kernel {
  readonly memory: WebAssembly.Memory;
  multiply(x: number, w: number, out: number, rows: number, inner: number, columns: number): void;
}

const PANEL = 8;
const FLOAT = 4;
const PAGE = 65536;
const padded = (count: number, to: number): number => Math.ceil(count / to) * to;

/** A right-hand matrix in the kernel's memory, with room for its left-hand one and the product. */
export interface Matrix {
  /** Rows of the left-hand matrix, row by row; there is room for `rows` of them. */
  readonly x: Float32Array;
  /** The product, whose rows have `stride` numbers. */
  readonly out: Float32Array;
  readonly stride: number;
  /** Multiplies the first rows. */
  multiply(rows: number): void;
}

/**
 * Puts right-hand matrices into the memory of a kernel.
 *
 * @param module The kernel.
 * @param matrices Each with its columns: numbers row by row.
 * @param rows The most rows of a left-hand matrix, a multiple of 4.
 */
export async function matrices(
  module: WebAssembly.Module,
  matrices: readonly { readonly values: Float32Array; readonly columns: number }[],
  rows: number,
): Promise<Matrix[]> {
  const { exports } = await WebAssembly.instantiate(module);
  const { memory, multiply } = exports as unknown as Kernel;
  const shapes = matrices.map(({ values, columns }) => ({
    values,
    columns,
    inner: values.length / columns,
    stride: padded(columns, PANEL),
  }));
  const inputs = Math.max(...shapes.map(({ inner }) => inner)) * rows;
  const outputs = Math.max(...shapes.map(({ stride }) => stride)) * rows;
  const weights = shapes.reduce((sum, { inner, stride }) => sum + inner * stride, 0);
  memory.grow(Math.ceil(((inputs + outputs + weights) * FLOAT) / PAGE));
  let at = (inputs + outputs) * FLOAT;
  return shapes.map(({ values, columns, inner, stride }) => {
    const place = at;
    at += inner * stride * FLOAT;
    const panels = new Float32Array(memory.buffer, place, inner * stride);
    for (let column = 0; column < columns; column++) {
      const start = Math.floor(column / PANEL) * PANEL * inner + (column % PANEL);
      for (let row = 0; row < inner; row++)
        panels[start + row * PANEL] = values[row * columns + column] ?? 0;
    }
    return {
      x: new Float32Array(memory.buffer, 0, rows * inner),
      out: new Float32Array(memory.buffer, inputs * FLOAT, rows * stride),
      stride,
      multiply: (count) => multiply(0, place, inputs * FLOAT, padded(count, 4), inner, stride),
    };
  });
}
