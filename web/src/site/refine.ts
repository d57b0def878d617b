// The kernels of the bake's optimiser (web/site/refine.wat), which work in Python's own memory.

import type { PyodideAPI } from "pyodide";

/** The kernels, with addresses and numbers as in mocap/page/refine.py. */
export interface RefineKernels {
  solve_banded(panel: number, frames: number, n: number, sides: number): number;
  subtract_products(
    c: number,
    a: number,
    b: number,
    frames: number,
    rows: number,
    columns: number,
    inner: number,
  ): void;
}

/** The part of Emscripten that is used here. */
interface Emscripten {
  loadDynamicLibrary(
    path: string,
    flags: { nodelete: boolean; global: boolean },
    exports: object,
    handle: number,
  ): unknown;
}

const PATH = "/lib/refine.so";

/** Loads the kernels. Throws an Error if they cannot be compiled. */
export function refineKernels(python: PyodideAPI, library: Uint8Array): RefineKernels {
  python.FS.writeFile(PATH, library);
  const exports = {};
  const emscripten = (python as unknown as { _module: Emscripten })._module;
  emscripten.loadDynamicLibrary(PATH, { nodelete: true, global: false }, exports, 0);
  return exports as RefineKernels;
}
