import { describe, expect, it } from "vitest";
import { type Doubt, doubtsIn, wordsAt } from "./doubts";

const DOUBTS: readonly Doubt[] = [
  { kind: "unseen", start: 0, stop: 0.5, words: "No person is seen." },
  { kind: "held", start: 0.4, stop: 1, words: "The left arm is held." },
  { kind: "cut", start: 2, stop: 2, words: "A hard cut." },
];

describe("doubts", () => {
  it("are said where they are, and cuts at their frame", () => {
    expect(wordsAt(DOUBTS, 0)).toBe("No person is seen.");
    expect(wordsAt(DOUBTS, 0.45)).toBe("No person is seen. The left arm is held.");
    expect(wordsAt(DOUBTS, 0.5)).toBe("The left arm is held.");
    expect(wordsAt(DOUBTS, 1)).toBe("");
    expect(wordsAt(DOUBTS, 1.05, 0.1)).toBe("The left arm is held.");
    expect(wordsAt(DOUBTS, 2)).toBe("A hard cut.");
    expect(wordsAt(DOUBTS, 2.04)).toBe("");
    expect(wordsAt(DOUBTS, 1.95, 0.1)).toBe("A hard cut.");
  });

  it("are refused where a clip holds something else", () => {
    expect(doubtsIn(JSON.parse(JSON.stringify(DOUBTS)))).toEqual(DOUBTS);
    for (const wrong of [
      undefined,
      "none",
      [null],
      [{ ...DOUBTS[0], kind: "guess" }],
      [{ ...DOUBTS[0], stop: -1 }],
      [{ ...DOUBTS[0], start: null }],
      [{ ...DOUBTS[0], words: 7 }],
    ])
      expect(() => doubtsIn(wrong)).toThrow(/doubts must be spans/);
  });
});
