// Encodes and decodes by meshoptimizer. Standard input:
// {count, stride, version, filter, values, bits}
// (values: base64 of bytes, or of floats for a filter); output: {packed, plain}, in base64.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { MeshoptEncoder: encoder, MeshoptDecoder: decoder } = require("meshoptimizer");
await Promise.all([encoder.ready, decoder.ready]);
const { count, stride, version, filter, values, bits } = JSON.parse(readFileSync(0, "utf8"));
const raw = Uint8Array.from(Buffer.from(values, "base64"));
const floats = () => new Float32Array(raw.buffer);
const filtered = {
  NONE: () => raw,
  QUATERNION: () => encoder.encodeFilterQuat(floats(), count, stride, bits),
  EXPONENTIAL: () => encoder.encodeFilterExp(floats(), count, stride, bits),
  OCTAHEDRAL: () => encoder.encodeFilterOct(floats(), count, stride, bits),
}[filter]();
const packed = encoder.encodeVertexBufferLevel(filtered, count, stride, 3, version);
const plain = new Uint8Array(count * stride);
decoder.decodeGltfBuffer(plain, count, stride, packed, "ATTRIBUTES", filter);
const text = (bytes) => Buffer.from(bytes).toString("base64");
console.log(JSON.stringify({ packed: text(packed), plain: text(plain) }));
