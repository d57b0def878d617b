// Colours of the performer's left, right and middle, told apart by colour-blind eyes too. The
// mannequin's trim has the same.

export const LEFT = "#ff7a3c";
export const RIGHT = "#1fb8b3";
export const MIDDLE = "#8f7bff";

/** The colour of a bone's side. */
export function sideColour(bone: string): string {
  if (bone.startsWith("left")) return LEFT;
  return bone.startsWith("right") ? RIGHT : MIDDLE;
}
