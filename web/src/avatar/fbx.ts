// An FBX character as a GLB, which the avatar's loader and mocap can read. Both of three.js' parts
// are loaded when a file needs them.

import {
  Bone,
  type Group,
  LoadingManager,
  type Material,
  Mesh,
  type MeshPhongMaterial,
  MeshStandardMaterial,
} from "three";

import { reasonOf } from "../ui/dom";
import { AvatarError } from "./check";
import { weld } from "./weld";

/** A transparent pixel in place of an external texture, which a page cannot read. */
const NOTHING =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const ROUGHNESS = 0.8;

/**
 * Whether an FBX file has a body with a skin, and not a motion alone.
 *
 * @param data The file, binary or text.
 */
export function hasBody(data: ArrayBuffer): boolean {
  return new TextDecoder("latin1").decode(data).includes("SubDeformer");
}

/**
 * Reads an FBX file and writes its bodies, skins and skeleton as a GLB, in metres.
 *
 * @throws AvatarError if the file cannot be read, or has no body.
 */
export async function glbOfFbx(data: ArrayBuffer): Promise<ArrayBuffer> {
  const [{ FBXLoader }, { GLTFExporter }] = await Promise.all([
    import("three/examples/jsm/loaders/FBXLoader.js"),
    import("three/examples/jsm/exporters/GLTFExporter.js"),
  ]);
  const manager = new LoadingManager();
  // Only textures that are in the file are read: nothing is fetched.
  manager.setURLModifier((url) => (/^(blob|data):/.test(url) ? url : NOTHING));
  const loaded = new Promise<void>((resolve) => {
    manager.onLoad = () => resolve();
  });
  manager.itemStart("the file itself");
  let group: Group;
  try {
    group = new FBXLoader(manager).parse(withoutTakes(data), "");
  } catch (error) {
    throw new AvatarError(`it cannot be read as an FBX file (${reasonOf(error)})`);
  } finally {
    manager.itemEnd("the file itself");
  }
  await loaded;
  const unit = Number(group.userData.unitScaleFactor ?? 1) / 100;
  restoreNames(group);
  let bodies = 0;
  group.traverse((object) => {
    if (!(object instanceof Mesh)) return;
    bodies++;
    weld(object.geometry);
    const materials = [object.material].flat().map(standard);
    object.material = Array.isArray(object.material) ? materials : materials[0]!;
  });
  if (bodies === 0) {
    throw new AvatarError("it has no body to show: with Convert a motion it can move one");
  }
  group.scale.multiplyScalar(unit);
  const made = await new GLTFExporter().parseAsync(group, { binary: true, onlyVisible: false });
  return made as ArrayBuffer;
}

/**
 * Rename the animation curves in a copy of the file, so that the loader skips them. They are not
 * shown, and a curve that does not fit its object would make loading fail.
 */
function withoutTakes(data: ArrayBuffer): ArrayBuffer {
  const changed = new Uint8Array(data.slice(0));
  const name = new TextEncoder().encode("AnimationCurve");
  for (let at = changed.indexOf(name[0]!); at >= 0; at = changed.indexOf(name[0]!, at + 1)) {
    if (name.every((letter, i) => changed[at + i] === letter)) changed[at] = 0x5f;
  }
  return changed.buffer;
}

/**
 * Restore the names of nodes: the loader removes dots and colons, but mocap uses the whole names.
 * A bone of several skins has a copy below it for each further skin, and a mesh may have the name
 * of a bone; only the bone keeps the name.
 */
function restoreNames(group: Group): void {
  const bones = new Set<string>();
  group.traverse((object) => {
    const { originalName } = object.userData as { originalName?: string };
    object.name = originalName || object.name;
    if (!(object instanceof Bone)) return;
    if (object.parent?.name === object.name) object.name += ", for another skin";
    else bones.add(object.name);
  });
  group.traverse((object) => {
    object.userData = {};
    if (object instanceof Mesh && bones.has(object.name)) object.name += ", a body";
  });
}

/** The exporter writes metal and roughness; FBX files have Phong's materials. */
function standard(material: Material): Material {
  const { color, map, normalMap, opacity, transparent, side, alphaTest, name } =
    material as MeshPhongMaterial;
  return new MeshStandardMaterial({
    name,
    color,
    map: present(map),
    normalMap: present(normalMap),
    opacity,
    transparent,
    alphaTest,
    side,
    metalness: 0,
    roughness: ROUGHNESS,
  });
}

function present(texture: MeshPhongMaterial["map"]): MeshPhongMaterial["map"] {
  const image = texture?.image as { src?: string; width?: number } | undefined;
  return image?.width && image.src !== NOTHING ? texture : null;
}
