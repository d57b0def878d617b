// Assembles a WebAssembly text file.
//
//     node assemble.mjs SOURCE.wat TARGET.wasm
//
// A target *.so is a library that Emscripten loads: it has the section that says what it needs.

import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

/** Bytes of the header of every module. */
const HEADER = 8;
/** The custom section "dylink.0": no memory and no table. */
const NAME = "dylink.0";
const NEEDS = [1, 4, 0, 0, 0, 0];
const SECTION = [0, 1 + NAME.length + NEEDS.length, NAME.length, ...Buffer.from(NAME), ...NEEDS];

const [source, target] = process.argv.slice(2);
const { parseWat } = await wabt();
const module = parseWat(source, readFileSync(source, "utf8"), { simd: true });
module.validate();
const binary = Buffer.from(module.toBinary({}).buffer);
const section = target.endsWith(".so") ? SECTION : [];
const parts = [binary.subarray(0, HEADER), Buffer.from(section), binary.subarray(HEADER)];
writeFileSync(target, Buffer.concat(parts));
