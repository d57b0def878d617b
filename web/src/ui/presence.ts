// What the camera does not see, as a sentence over the picture. The server decides it.

import type { BodyPart } from "../protocol/text";

const REMEDIES: readonly (readonly [BodyPart, string, string])[] = [
  ["head", "head", "tilt the camera up or step back until your head is in the picture"],
  ["feet", "feet", "step back or tilt the camera down until your feet are in the picture"],
  ["hands", "hands", "bring them into the picture"],
  ["face", "face", "turn to the camera, in good light"],
];

/** The sentence for what has not been in view for two seconds; empty if nothing is missing. */
export function missingSentence(missing: readonly BodyPart[]): string {
  if (missing.includes("person")) {
    return "No person in view: step back until your body, from head to feet, is in the picture.";
  }
  const found = REMEDIES.filter(([part]) => missing.includes(part));
  if (found.length === 0) return "";
  const parts = found.map(([, name]) => name);
  const [, , remedy] = found[0]!;
  const last = parts.pop();
  const list = parts.length > 0 ? `${parts.join(", ")} and ${last}` : last;
  return `Not in view: ${list}. To see your ${found[0]![1]}, ${remedy}.`;
}
