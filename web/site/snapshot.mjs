// Writes the memory of Pyodide after its start, compressed: later visits start from it.
//
//     node snapshot.mjs PYTHON-FOLDER

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const folder = `${resolve(process.argv[2])}/`;
const { loadPyodide } = await import(pathToFileURL(`${folder}pyodide.mjs`).href);
const python = await loadPyodide({ indexURL: folder, _makeSnapshot: true });
writeFileSync(`${folder}snapshot.gz`, gzipSync(python.makeMemorySnapshot(), { level: 9 }));
