import { describe, expect, it } from "vitest";

import { assigned, mapFile, matching, swapped } from "./bonemap";

const map = { hips: "Hips", leftHand: "hand.R", leftFoot: "foot.R", rightHand: "hand.L" };

describe("assigned", () => {
  it("changes one bone", () => {
    expect(assigned(map, "head", "Head")).toEqual({ head: "Head" });
    expect(assigned(map, "leftHand", "")).toEqual({ leftHand: "" });
    expect(assigned(map, "hips", "Hips")).toEqual({ hips: "Hips" });
  });

  it("takes the node from the bone that had it", () => {
    expect(assigned(map, "head", "Hips")).toEqual({ head: "Hips", hips: "" });
  });
});

describe("swapped", () => {
  it("exchanges the sides, also of bones with one side only, and nothing else", () => {
    expect(swapped(map)).toEqual({
      leftHand: "hand.L",
      rightHand: "hand.R",
      leftFoot: "",
      rightFoot: "foot.R",
    });
  });

  it("is undone by itself", () => {
    const once = { ...map, ...swapped(map) };
    const twice = { ...once, ...swapped(once) };
    for (const [bone, node] of Object.entries(twice)) {
      expect(node).toBe((map as Record<string, string>)[bone] ?? "");
    }
  });
});

describe("mapFile", () => {
  it("has every bone, and null where there is no node", () => {
    const text = mapFile({ hips: 'H"ips', head: "" }, ["hips", "head", "neck"]);
    expect(text).toBe('{\n  "hips": "H\\"ips",\n  "head": null,\n  "neck": null\n}\n');
  });
});

describe("matching", () => {
  const nodes = ["mixamorig:LeftHand", "mixamorig:LeftHandIndex1", "Left foot", "Head"];

  it("finds all words, in any order and case", () => {
    expect(matching(nodes, "hand LEFT", 9)).toEqual(nodes.slice(0, 2));
    expect(matching(nodes, "", 9)).toEqual(nodes);
    expect(matching(nodes, "tail", 9)).toEqual([]);
  });

  it("gives at most so many", () => expect(matching(nodes, "left", 1)).toEqual([nodes[0]]));
});
