// Materials for a stage that the processor draws.

import {
  type Material,
  Mesh,
  MeshLambertMaterial,
  MeshStandardMaterial,
  type Object3D,
} from "three";

/** The same colours and textures without reflections, which cost half of a drawing's pixels. */
function matt(material: Material): Material {
  if (!(material instanceof MeshStandardMaterial)) return material;
  const made = new MeshLambertMaterial();
  const { color, map, emissive, emissiveMap, emissiveIntensity, alphaMap, vertexColors } = material;
  const { side, transparent, opacity, alphaTest, depthWrite, name } = material;
  made.setValues({ map, emissiveMap, emissiveIntensity, alphaMap, vertexColors });
  made.setValues({ side, transparent, opacity, alphaTest, depthWrite, name });
  made.color.copy(color);
  made.emissive.copy(emissive);
  return made;
}

/** Gives an object's meshes matt materials. */
export function makeMatt(object: Object3D): void {
  const made = new Map<Material, Material>();
  const once = (material: Material): Material => {
    const known = made.get(material) ?? matt(material);
    made.set(material, known);
    return known;
  };
  object.traverse((part) => {
    if (!(part instanceof Mesh)) return;
    const { material } = part as Mesh;
    part.material = Array.isArray(material) ? material.map(once) : once(material);
  });
}
