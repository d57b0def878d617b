// Compresses the vertex data of a GLB, for the test that the page shows such avatars:
//   node compress.mjs meshopt|draco IN OUT WEB
// WEB is the folder whose node_modules have the encoders.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [kind, input, output, web] = process.argv.slice(2);
const require = createRequire(resolve(web, "package.json"));

const file = readFileSync(input);
const jsonLength = file.readUInt32LE(12);
const document = JSON.parse(file.subarray(20, 20 + jsonLength).toString());
const binary = file.subarray(28 + jsonLength);
const SIZES = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };
const BYTES = { 5121: 1, 5123: 2, 5125: 4, 5126: 4 };

/** New views, by the index of the old ones; all data is written again, on multiples of 4. */
const chunks = [];
let length = 0;
function append(bytes) {
  const offset = length;
  const padded = Buffer.alloc(Math.ceil(bytes.length / 4) * 4);
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).copy(padded);
  chunks.push(padded);
  length += padded.length;
  return offset;
}

function viewBytes({ byteOffset = 0, byteLength }) {
  return binary.subarray(byteOffset, byteOffset + byteLength);
}

function accessorArray(index) {
  const { bufferView, byteOffset = 0, componentType, type, count } = document.accessors[index];
  const view = document.bufferViews[bufferView];
  const width = SIZES[type];
  const stride = view.byteStride ?? width * BYTES[componentType];
  const Type = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array }[
    componentType
  ];
  const out = new Type(count * width);
  const bytes = viewBytes(view);
  for (let i = 0; i < count; i++) {
    const at = byteOffset + i * stride;
    const element = bytes.slice(at, at + width * BYTES[componentType]);
    out.set(new Type(Uint8Array.from(element).buffer), i * width);
  }
  return out;
}

async function meshopt() {
  const { MeshoptEncoder } = await import(resolve(web, "node_modules/meshoptimizer/index.js"));
  await MeshoptEncoder.ready;
  let fallback = 0;
  document.bufferViews.forEach((view, i) => {
    const users = document.accessors.filter((a) => a.bufferView === i);
    const bytes = viewBytes(view);
    const stride =
      view.byteStride ?? (users[0] ? SIZES[users[0].type] * BYTES[users[0].componentType] : 0);
    const whole = users.length > 0 && stride % 4 === 0 && view.byteLength % stride === 0;
    if (!whole) {
      Object.assign(view, { buffer: 0, byteOffset: append(bytes) });
      return;
    }
    const count = view.byteLength / stride;
    const encoded = MeshoptEncoder.encodeVertexBuffer(Uint8Array.from(bytes), count, stride);
    const byteOffset = append(encoded);
    const compression = {
      buffer: 0,
      byteOffset,
      byteLength: encoded.length,
      byteStride: stride,
      mode: "ATTRIBUTES",
      count,
    };
    Object.assign(view, {
      buffer: 1,
      byteOffset: fallback,
      extensions: { EXT_meshopt_compression: compression },
    });
    fallback += Math.ceil(view.byteLength / 4) * 4;
  });
  document.buffers = [
    { byteLength: length },
    { byteLength: fallback, extensions: { EXT_meshopt_compression: { fallback: true } } },
  ];
  return "EXT_meshopt_compression";
}

async function draco() {
  const encoder = await require("draco3dgltf").createEncoderModule();
  for (const view of document.bufferViews) {
    Object.assign(view, { buffer: 0, byteOffset: append(viewBytes(view)) });
  }
  for (const mesh of document.meshes) {
    for (const primitive of mesh.primitives) {
      if (primitive.targets || primitive.indices === undefined) continue;
      const builder = new encoder.MeshBuilder();
      const encoded = new encoder.DracoInt8Array();
      const made = new encoder.Mesh();
      const indices = Uint32Array.from(accessorArray(primitive.indices));
      builder.AddFacesToMesh(made, indices.length / 3, indices);
      const attributes = {};
      for (const [name, index] of Object.entries(primitive.attributes)) {
        const { type, count, componentType } = document.accessors[index];
        const values = accessorArray(index);
        const kind =
          { POSITION: encoder.POSITION, NORMAL: encoder.NORMAL }[name] ?? encoder.GENERIC;
        const add = {
          5121: "AddUInt8Attribute",
          5123: "AddUInt16Attribute",
          5126: "AddFloatAttribute",
        }[componentType];
        attributes[name] = builder[add](made, kind, count, SIZES[type], values);
      }
      const coder = new encoder.Encoder();
      coder.SetEncodingMethod(encoder.MESH_EDGEBREAKER_ENCODING);
      for (const [kind, bits] of [
        ["POSITION", 14],
        ["NORMAL", 10],
        ["GENERIC", 12],
      ]) {
        coder.SetAttributeQuantization(encoder[kind], bits);
      }
      coder.SetSpeedOptions(5, 5);
      const size = coder.EncodeMeshToDracoBuffer(made, encoded);
      if (size <= 0) throw new Error("Draco could not encode a primitive");
      const bytes = new Uint8Array(size);
      for (let i = 0; i < size; i++) bytes[i] = encoded.GetValue(i);
      const byteOffset = append(bytes);
      document.bufferViews.push({ buffer: 0, byteOffset, byteLength: size });
      const bufferView = document.bufferViews.length - 1;
      primitive.extensions = { KHR_draco_mesh_compression: { bufferView, attributes } };
      // Primitives may share accessors: each gets its own without data.
      const bare = (index) => {
        const { bufferView: _, byteOffset: __, ...rest } = document.accessors[index];
        return document.accessors.push(rest) - 1;
      };
      primitive.indices = bare(primitive.indices);
      for (const name of Object.keys(attributes))
        primitive.attributes[name] = bare(primitive.attributes[name]);
    }
  }
  document.buffers = [{ byteLength: length }];
  return "KHR_draco_mesh_compression";
}

const extension = await { meshopt, draco }[kind]();
for (const key of ["extensionsUsed", "extensionsRequired"]) {
  document[key] = [...(document[key] ?? []), extension];
}
const text = Buffer.from(JSON.stringify(document));
const json = Buffer.alloc(Math.ceil(text.length / 4) * 4, 0x20);
text.copy(json);
const header = Buffer.alloc(20);
[0x46546c67, 2, 28 + json.length + length, json.length, 0x4e4f534a].forEach((n, i) =>
  header.writeUInt32LE(n, 4 * i),
);
const chunk = Buffer.alloc(8);
chunk.writeUInt32LE(length, 0);
chunk.writeUInt32LE(0x004e4942, 4);
writeFileSync(output, Buffer.concat([header, json, chunk, ...chunks]));
console.log(`${output}: ${extension}`);
