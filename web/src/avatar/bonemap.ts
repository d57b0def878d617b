// Changes of a bone map: which node of the character is which humanoid bone. Pure.

import { mirroredName } from "../stage/pose";

/** Bone → node; the empty name is no node. */
export type BoneMap = Readonly<Record<string, string>>;

/** The changes that give a bone this node; a bone that had the node before loses it. */
export function assigned(map: BoneMap, bone: string, node: string): BoneMap {
  const before = node && Object.keys(map).find((other) => other !== bone && map[other] === node);
  return { [bone]: node, ...(before && { [before]: "" }) };
}

/** The changes that exchange left and right. */
export function swapped(map: BoneMap): BoneMap {
  const sided = Object.keys(map).filter((bone) => mirroredName(bone) !== bone);
  const both = new Set([...sided, ...sided.map(mirroredName)]);
  return Object.fromEntries([...both].map((bone) => [bone, map[mirroredName(bone)] ?? ""]));
}

/** The map as the file that `mocap rigs map` writes and `--map` reads. */
export function mapFile(map: BoneMap, bones: readonly string[]): string {
  const rows = bones.map(
    (bone) => `  ${JSON.stringify(bone)}: ${JSON.stringify(map[bone] || null)}`,
  );
  return `{\n${rows.join(",\n")}\n}\n`;
}

/** The nodes whose names contain all words of a search, at most `most` of them. */
export function matching(nodes: readonly string[], search: string, most: number): string[] {
  const words = search.toLowerCase().split(/\s+/);
  const found: string[] = [];
  for (const node of nodes) {
    const name = node.toLowerCase();
    if (words.every((word) => name.includes(word))) found.push(node);
    if (found.length === most) break;
  }
  return found;
}
