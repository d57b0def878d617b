import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { AvatarError, checkDocument, checkGlb, type GltfDocument } from "./check";

function glb(document: unknown, cut = 0): ArrayBuffer {
  const json = new TextEncoder().encode(JSON.stringify(document));
  const file = new ArrayBuffer(20 + json.byteLength);
  const view = new DataView(file);
  [0x46546c67, 2, file.byteLength, json.byteLength, 0x4e4f534a].forEach((n, i) =>
    view.setUint32(4 * i, n, true),
  );
  new Uint8Array(file, 20).set(json);
  return file.slice(0, file.byteLength - cut);
}

const chain = (length: number): GltfDocument => ({
  nodes: Array.from({ length }, (_, i) => (i + 1 < length ? { children: [i + 1] } : {})),
});

describe("checkGlb", () => {
  it("accepts the mannequin", () => {
    const url = new URL("../../../rigs/mannequin.vrm", import.meta.url);
    const document = checkGlb(new Uint8Array(readFileSync(url)).buffer);
    expect(document.nodes!.length).toBeGreaterThan(55);
  });

  it("refuses what is not a whole GLB, with a reason", () => {
    expect(() => checkGlb(new ArrayBuffer(3))).toThrow("not a GLB or VRM file");
    expect(() => checkGlb(new ArrayBuffer(100))).toThrow("not a GLB or VRM file");
    expect(() => checkGlb(glb({}, 1))).toThrow("cut short");
    expect(() => checkGlb(glb([]))).toThrow("not an object");
    expect(() => checkGlb(glb({ nodes: 7 }))).toThrow("nodes is not a list");
  });
});

describe("checkDocument", () => {
  it("limits chains, without recursion and in linear time", () => {
    checkDocument(chain(500));
    const start = performance.now();
    expect(() => checkDocument(chain(20_000))).toThrow("a chain of more than 500 nodes");
    expect(performance.now() - start).toBeLessThan(500);
    expect(() => checkDocument(chain(20_001))).toThrow("it has 20001 nodes");
  });

  it("refuses circles, second parents and children that do not exist", () => {
    expect(() => checkDocument({ nodes: [{ children: [1] }, { children: [0] }] })).toThrow(
      "circle",
    );
    expect(() => checkDocument({ nodes: [{ children: [0] }] })).toThrow("circle");
    expect(() => checkDocument({ nodes: [{ children: [2] }, { children: [2] }, {}] })).toThrow(
      "node 2 has two parents",
    );
    for (const child of [-1, 1, 0.5, NaN]) {
      expect(() => checkDocument({ nodes: [{ children: [child] }] })).toThrow(AvatarError);
    }
  });

  it("compares accessors with their buffer views", () => {
    const views = { buffers: [{ byteLength: 100 }], bufferViews: [{ buffer: 0, byteLength: 96 }] };
    const accessor = { bufferView: 0, componentType: 5126, type: "VEC3" };
    checkDocument({ ...views, accessors: [{ ...accessor, count: 8 }] });
    for (const count of [9, 1e9, -1, 0.5]) {
      expect(() => checkDocument({ ...views, accessors: [{ ...accessor, count }] })).toThrow(
        AvatarError,
      );
    }
    expect(() => checkDocument({ accessors: [{ ...accessor, count: 1 }] })).toThrow(AvatarError);
    expect(() =>
      checkDocument({ ...views, bufferViews: [{ buffer: 0, byteLength: 1e9 }] }),
    ).toThrow("claims 1000000000 bytes of a buffer that has 100");
  });

  it("limits data that the file does not hold", () => {
    const accessor = { componentType: 5126, type: "VEC3", count: 1e9 };
    expect(() => checkDocument({ accessors: [accessor] })).toThrow("MB of vertex data");
    checkDocument({ accessors: [{ ...accessor, count: 1e6 }] });
    const view = {
      buffer: 0,
      byteLength: 2e9,
      extensions: { EXT_meshopt_compression: { count: 1 } },
    };
    expect(() => checkDocument({ buffers: [{ byteLength: 2e9 }], bufferViews: [view] })).toThrow(
      "MB of vertex data",
    );
  });
});
