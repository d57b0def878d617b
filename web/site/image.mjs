// Writes two files from which the page starts Python, compressed.
//
//     node image.mjs PYTHON-FOLDER
//
// packages.gz has the files of the packages, with compiled modules in place of their sources where
// compile.mjs has made them; memory.gz has Python's memory after the page's start with these files,
// from which later visits go on. Each begins with the length of its head (4 bytes, little-endian)
// and the head as JSON. The files' contents or the memory's pieces, without the zeros between,
// follow one after another.

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { ENVIRONMENT, withLibraries } from "./libraries.mjs";

/** Bytes of the pages of memory that are left out where they are zero. */
const PAGE = 1 << 14;
const SITE = "/lib/python3.14/site-packages";
const COMPILED = /\/__pycache__\/([^/]+)\.cpython-314\.pyc$/;
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

/** The files below a folder. */
function filesBelow(fs, folder) {
  return fs.readdir(folder).flatMap((name) => {
    if ([".", "..", "PYODIDE_SOURCE"].includes(name)) return [];
    const path = `${folder}/${name}`;
    return fs.isDir(fs.stat(path).mode) ? filesBelow(fs, path) : [[path, fs.readFile(path)]];
  });
}

/** The files with compiled modules in the places of their sources. */
function withoutSources(files) {
  const compiled = files
    .filter(([path]) => COMPILED.test(path))
    .map(([path, content]) => [path.replace(COMPILED, "/$1.pyc"), content]);
  const sources = new Set(compiled.map(([path]) => path.slice(0, -1)));
  const others = files.filter(([path]) => !COMPILED.test(path) && !sources.has(path));
  return [...others, ...compiled];
}

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

function write(name, head, parts) {
  const text = Buffer.from(JSON.stringify(head));
  const length = new Uint8Array(new Uint32Array([text.length]).buffer);
  const whole = Buffer.concat([length, text, ...parts]);
  writeFileSync(`${folder}${name}`, gzipSync(whole, { level: 9 }));
}

const first = await loadPyodide({ ...options });
await first.loadPackage("mocap", { messageCallback: () => undefined });
first.runPython(IMPORTS);
const libraries = first.runPython(LIBRARIES).split("\n");
const files = withoutSources(filesBelow(first.FS, SITE));
write(
  "packages.gz",
  {
    libraries,
    packages: Object.keys(first.loadedPackages),
    files: files.map(([path, content]) => [path, content.length]),
  },
  files.map(([, content]) => content),
);

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
const pieces = piecesOf(memory);
write(
  "memory.gz",
  { addresses, memory: memory.length, pieces },
  pieces.map(([begin, size]) => memory.subarray(begin, begin + size)),
);
