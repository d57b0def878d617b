// The Khronos validator's reports on GLB files, as JSON. node validate.mjs FILE…
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const validator = createRequire(new URL("../../web/package.json", import.meta.url))(
  "gltf-validator",
);
const reports = [];
for (const path of process.argv.slice(2)) {
  const bytes = new Uint8Array(await readFile(path));
  reports.push(await validator.validateBytes(bytes, { maxIssues: 100 }));
}
console.log(JSON.stringify(reports));
