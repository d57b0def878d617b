// The Khronos validator's report on a GLB file, as JSON. node validate.mjs FILE
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const validator = createRequire(new URL("../../web/package.json", import.meta.url))(
  "gltf-validator",
);
const bytes = new Uint8Array(await readFile(process.argv[2]));
console.log(JSON.stringify(await validator.validateBytes(bytes, { maxIssues: 100 })));
