// Python's memory after the start, with the files of its packages, as web/site/image.mjs wrote it.

import type { loadPyodide as Load, PyodideAPI } from "pyodide";

import { ENVIRONMENT, withLibraries } from "../../site/libraries.mjs";

/** Where Pyodide's snapshot says after how many bytes the memory begins. */
const START = 4;

interface Head {
  readonly libraries: readonly string[];
  /** Of each library's data and functions. */
  readonly addresses: readonly (readonly [number, number])[];
  readonly packages: readonly string[];
  /** Paths and bytes. */
  readonly files: readonly (readonly [string, number])[];
  /** Bytes of the memory. */
  readonly memory: number;
  /** Begin and length of its parts that are not zero. */
  readonly pieces: readonly (readonly [number, number])[];
}
type Options = NonNullable<Parameters<typeof Load>[0]>;
export type Create = NonNullable<Options["createPyodideModule"]>;

/**
 * Starts Pyodide from an image. Throws an Error if the image does not fit.
 *
 * @param load Pyodide's `loadPyodide`.
 * @param create The default export of pyodide.asm.mjs.
 * @param image The file that the build wrote, uncompressed.
 */
export async function fromImage(
  load: typeof Load,
  create: Create,
  options: Options,
  image: Uint8Array,
): Promise<PyodideAPI> {
  const { head, files, memory } = parts(image);
  const fits = (
    addresses: Head["addresses"],
    [place, helper]: readonly [number, number],
  ): number => {
    if (addresses.join() !== head.addresses.join()) throw new Error("the libraries have moved");
    const words = new DataView(memory.buffer, memory.byteOffset);
    const start = words.getUint32(START, true);
    words.setUint32(start + place, helper, true); // this browser's own
    return head.memory;
  };
  const python = await load({
    ...options,
    env: { ...ENVIRONMENT },
    _loadSnapshot: memory,
    createPyodideModule: withLibraries(
      create as () => ReturnType<Create>,
      files,
      head.libraries,
      fits,
    ),
  });
  for (const name of head.packages) python.loadedPackages[name] = "image";
  return python;
}

function parts(image: Uint8Array) {
  const length = new DataView(image.buffer, image.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(image.subarray(4, 4 + length));
  const head = JSON.parse(text) as Head;
  const size = head.files.reduce((sum, [, bytes]) => sum + bytes, 0);
  let at = 4 + length + size;
  // A copy, since Python's file system keeps it, and the memory need not be kept.
  const contents = image.slice(4 + length, at);
  const memory = new Uint8Array(head.memory);
  for (const [begin, bytes] of head.pieces) {
    memory.set(image.subarray(at, at + bytes), begin);
    at += bytes;
  }
  at = 0;
  const files = head.files.map(([path, bytes]) => {
    at += bytes;
    return [path, contents.subarray(at - bytes, at)] as const;
  });
  return { head, files, memory };
}
