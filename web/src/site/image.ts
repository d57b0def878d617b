// Starts Pyodide with packages.gz and memory.gz, which web/site/image.mjs has written.

import type { loadPyodide as Load, PyodideAPI } from "pyodide";

import { ENVIRONMENT, withLibraries } from "../../site/libraries.mjs";

/** Where Pyodide's snapshot says after how many bytes the memory begins. */
const START = 4;

interface PackagesHead {
  readonly libraries: readonly string[];
  readonly packages: readonly string[];
  /** Paths and bytes. */
  readonly files: readonly (readonly [string, number])[];
}
interface MemoryHead {
  /** Of each library's data and functions. */
  readonly addresses: readonly (readonly [number, number])[];
  /** Bytes of the memory. */
  readonly memory: number;
  /** Begin and length of its parts that are not zero. */
  readonly pieces: readonly (readonly [number, number])[];
}
type Options = NonNullable<Parameters<typeof Load>[0]>;
type Create = NonNullable<Options["createPyodideModule"]>;

/** Pyodide's own parts. */
export interface Core {
  readonly load: typeof Load;
  /** The default export of pyodide.asm.mjs. */
  readonly create: Create;
  readonly options: Options;
}

/**
 * Starts Pyodide with the packages.
 *
 * @param packages The contents of packages.gz, uncompressed.
 * @param image The contents of memory.gz, uncompressed, from which Python goes on; null without.
 * @throws Error if the image does not fit.
 */
export async function startPython(
  { load, create, options }: Core,
  packages: Uint8Array,
  image: Uint8Array | null,
): Promise<PyodideAPI> {
  const { head, rest } = parts<PackagesHead>(packages);
  let at = 0;
  const files = head.files.map(([path, bytes]) => {
    at += bytes;
    return [path, rest.subarray(at - bytes, at)] as const;
  });
  const memory = image && memoryOf(image);
  const fits = (
    addresses: MemoryHead["addresses"],
    [place, helper]: readonly [number, number],
  ): number => {
    if (!memory) return 0;
    if (addresses.join() !== memory.head.addresses.join()) {
      throw new Error("the libraries have moved");
    }
    const words = new DataView(memory.bytes.buffer);
    const start = words.getUint32(START, true);
    words.setUint32(start + place, helper, true); // this browser's own
    return memory.head.memory;
  };
  const python = await load({
    ...options,
    env: { ...ENVIRONMENT },
    ...(memory && { _loadSnapshot: memory.bytes }),
    createPyodideModule: withLibraries(
      create as () => ReturnType<Create>,
      files,
      head.libraries,
      fits,
    ),
  });
  for (const name of head.packages) python.loadedPackages[name] = "packages";
  return python;
}

function memoryOf(image: Uint8Array) {
  const { head, rest } = parts<MemoryHead>(image);
  const bytes = new Uint8Array(head.memory);
  let at = 0;
  for (const [begin, size] of head.pieces) {
    bytes.set(rest.subarray(at, at + size), begin);
    at += size;
  }
  return { head, bytes };
}

function parts<Head>(content: Uint8Array): { head: Head; rest: Uint8Array } {
  const length = new DataView(content.buffer, content.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(content.subarray(4, 4 + length));
  return { head: JSON.parse(text) as Head, rest: content.subarray(4 + length) };
}
