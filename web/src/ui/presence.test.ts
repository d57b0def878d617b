import { describe, expect, it } from "vitest";

import { missingSentence } from "./presence";

describe("missingSentence", () => {
  it("is empty when everything is in view", () => expect(missingSentence([])).toBe(""));

  it("tells a missing person to step back, whatever else is missing", () => {
    for (const missing of [["person"], ["feet", "person", "face"]] as const) {
      expect(missingSentence(missing)).toMatch(/^No person in view: step back until your body/);
    }
  });

  it("names every missing part and one remedy", () => {
    expect(missingSentence(["feet"])).toBe(
      "Not in view: feet. To see your feet, " +
        "step back or tilt the camera down until your feet are in the picture.",
    );
    const sentence = missingSentence(["face", "hands", "feet"]);
    expect(sentence).toMatch(/^Not in view: feet, hands and face\. To see your feet/);
  });
});
