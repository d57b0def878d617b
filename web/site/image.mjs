// Writes Python's memory after the page's start, with the files of its packages, compressed: later
// visits go on from it.
//
//     node image.mjs PYTHON-FOLDER
//
// The file, before its compression: the length of the head (4 bytes, little-endian), the head as
// JSON, the files' contents one after another, and the memory's pieces, without the zeros between.

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { ENVIRONMENT, withLibraries } from "./libraries.mjs";

/** Bytes of the pages of memory that are left out where they are zero. */
const PAGE = 1 << 14;
const SITE = "/lib/python3.14/site-packages";
const IMPORTS = `
import gc

gc.disable()  # what the start makes stays
import mocap.assets, mocap.page.boot
from mocap.page import product
from pyodide.ffi import to_js

product.layers()  # reads the weights
`;
const LIBRARIES = `
import sys

found = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
"\\n".join(file for file in found if file.endswith(".so"))
`;

const folder = `${resolve(process.argv[2])}/`;
const load = (name) => import(pathToFileURL(`${folder}${name}`).href);
const { loadPyodide } = await load("pyodide.mjs");
const { default: create } = await load("pyodide.asm.mjs");
const options = {
  indexURL: folder,
  lockFileURL: `${folder}pyodide-lock.json`,
  packageBaseUrl: folder,
};

/** The files of the packages, those below a folder. */
function filesBelow(fs, folder) {
  return fs.readdir(folder).flatMap((name) => {
    if ([".", "..", "__pycache__", "PYODIDE_SOURCE"].includes(name)) return [];
    const path = `${folder}/${name}`;
    return fs.isDir(fs.stat(path).mode) ? filesBelow(fs, path) : [[path, fs.readFile(path)]];
  });
}

const first = await loadPyodide({ ...options });
await first.loadPackage("mocap", { messageCallback: () => undefined });
first.runPython(IMPORTS);
const libraries = first.runPython(LIBRARIES).split("\n");
const files = filesBelow(first.FS, SITE);
const packages = Object.keys(first.loadedPackages);

let addresses;
const python = await loadPyodide({
  ...options,
  env: { ...ENVIRONMENT },
  _makeSnapshot: true,
  createPyodideModule: withLibraries(create, files, libraries, (found) => {
    addresses = found;
    return 0;
  }),
});
python.runPython(IMPORTS);
python.runPython("gc.collect()");
// Pyodide has found them among the files; it can only keep a table that is empty.
for (const name of Object.keys(python.loadedPackages)) delete python.loadedPackages[name];
const memory = python.makeMemorySnapshot();

/** The places [begin, length] of the memory's pages that are not zero, neighbours joined. */
function piecesOf(memory) {
  const pieces = [];
  for (let begin = 0; begin < memory.length; begin += PAGE) {
    const page = memory.subarray(begin, begin + PAGE);
    if (page.every((byte) => byte === 0)) continue;
    const last = pieces.at(-1);
    if (last && last[0] + last[1] === begin) last[1] += page.length;
    else pieces.push([begin, page.length]);
  }
  return pieces;
}

const pieces = piecesOf(memory);
const head = Buffer.from(
  JSON.stringify({
    libraries,
    addresses,
    packages,
    files: files.map(([path, content]) => [path, content.length]),
    memory: memory.length,
    pieces,
  }),
);
const length = new Uint8Array(new Uint32Array([head.length]).buffer);
const image = Buffer.concat([
  length,
  head,
  ...files.map(([, content]) => content),
  ...pieces.map(([begin, size]) => memory.subarray(begin, begin + size)),
]);
writeFileSync(`${folder}memory.gz`, gzipSync(image, { level: 9 }));
