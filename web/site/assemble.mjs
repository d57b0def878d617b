// Assembles a WebAssembly text file.
//
//     node assemble.mjs SOURCE.wat TARGET.wasm

import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const [source, target] = process.argv.slice(2);
const { parseWat } = await wabt();
const module = parseWat(source, readFileSync(source, "utf8"), { simd: true });
module.validate();
writeFileSync(target, module.toBinary({}).buffer);
