// Starts Pyodide with packages whose native libraries are in memory before Python starts. An image
// of the memory fits only where each library is where it was when the image was made: where both
// times the same libraries come first, in the same order, they are.

/**
 * @typedef {readonly (readonly [string, Uint8Array])[]} Files Paths in Python's file system.
 *
 * @typedef {object} Emscripten The parts that are used here.
 * @property {Int8Array} HEAP8
 * @property {Uint32Array} HEAPU32
 * @property {WebAssembly.Table} wasmTable
 * @property {Readonly<Record<string, WebAssembly.Global>>} GOT
 * @property {{
 *   mkdirTree(path: string): void,
 *   writeFile(path: string, content: Uint8Array, options: {canOwn: boolean}): void
 * }} FS
 * @property {(
 *   path: string, flags: {nodelete: boolean, global: boolean}, scope: null, handle: number
 * ) => unknown} loadDynamicLibrary
 * @property {(bytes: number) => number} _malloc
 */

/** The first library's place in the table of functions, in which browsers differ before that. */
const FUNCTIONS = 1 << 14;
/** Bytes by which the memory grows at least. */
const STEP = 1 << 21;
/** Bytes of Emscripten's record of a library, and where it keeps the addresses. */
const RECORD = 64;
const MEMORY_BASE = 12;
const TABLE_BASE = 20;
/** Environment variables whose default lengths differ, since they move what is after them. */
export const ENVIRONMENT = { LANG: "C.UTF-8", _: "python" };

/**
 * Loads a library.
 *
 * @param {Emscripten} python
 * @param {string} path
 * @returns {[number, number]} The addresses of its data and of its functions.
 */
function load(python, path) {
  const record = python._malloc(RECORD);
  python.HEAP8.fill(0, record, record + RECORD);
  python.loadDynamicLibrary(path, { nodelete: true, global: false }, null, record);
  const at = (/** @type {number} */ field) => python.HEAPU32[(record + field) >> 2] ?? 0;
  return [at(MEMORY_BASE), at(TABLE_BASE)];
}

/**
 * Where Python keeps the helper by which it calls C functions of any number of arguments, and the
 * helper, 0 where the browser has none: then each call goes through JavaScript.
 *
 * @param {Emscripten} python
 * @returns {[number, number]}
 */
function helper(python) {
  const value = (/** @type {string} */ name) => /** @type {number} */ (python.GOT[name]?.value);
  const offset = python.HEAPU32[value("_PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET") >> 2] ?? 0;
  const place = value("_PyRuntime") + offset;
  return [place, python.HEAPU32[place >> 2] ?? 0];
}

/**
 * The option `createPyodideModule` of `loadPyodide`.
 *
 * @template Made
 * @param {(settings: object) => Promise<Made>} create The default export of pyodide.asm.mjs.
 * @param {Files} files They are written before the start; their arrays are not copied.
 * @param {readonly string[]} libraries Those of the files that are loaded, in this order.
 * @param {(
 *   addresses: readonly (readonly [number, number])[], helper: readonly [number, number]
 * ) => number} loaded Called with the addresses of the libraries and what `helper` says; returns
 *   the bytes of the image that follows, 0 for none.
 * @returns {(settings: object) => Promise<Made>}
 */
export function withLibraries(create, files, libraries, loaded) {
  /** @param {Emscripten} python */
  const prepare = (python) => {
    for (const [path, content] of files) {
      python.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
      python.FS.writeFile(path, content, { canOwn: true });
    }
    python.wasmTable.grow(FUNCTIONS - python.wasmTable.length);
    const memory = loaded(
      libraries.map((path) => load(python, path)),
      helper(python),
    );
    if (!memory) return;
    while (python.HEAP8.length < memory) python._malloc(STEP);
    python.HEAP8.fill(0);
  };
  return async (settings) => {
    /** @type {Emscripten} */
    let python;
    /** @type {unknown} */
    let failure = null;
    const before = /** @type {((module: Emscripten) => void)[]} */ (
      /** @type {{preRun: unknown}} */ (settings).preRun
    );
    before.push((module) => {
      python = module;
    });
    const onRuntimeInitialized = () => {
      try {
        prepare(python);
      } catch (error) {
        failure = error; // Emscripten would not pass it on
      }
    };
    const made = await create(Object.assign(settings, { onRuntimeInitialized }));
    if (failure) throw failure;
    return made;
  };
}
