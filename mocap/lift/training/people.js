// Dressed people before many cameras.

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { arrange, floor, picture, scene } from "./studio.js";

floor.geometry = new THREE.PlaneGeometry(16, 16);
const loader = new GLTFLoader();
let rig, bones;

/** A picture of patches, drawn from numbers: what hangs on a wall or lies on a floor. */
function patches({ size, base, marks }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d");
  const css = (c) => `rgb(${c.map((v) => Math.round(255 * v)).join(",")})`;
  pen.fillStyle = css(base);
  pen.fillRect(0, 0, size, size);
  for (const [x, y, w, h, round, ...colour] of marks) {
    pen.fillStyle = css(colour);
    pen.beginPath();
    if (round) pen.ellipse(x, y, w / 2, h / 2, 0, 0, 7);
    else pen.rect(x, y, w, h);
    pen.fill();
  }
  const texture = new THREE.CanvasTexture(canvas);
  texture.colorSpace = THREE.SRGBColorSpace;
  return texture;
}

/** Stripes or checks on a garment, along the axes of the body at rest. */
function patterned(material, { colour, waves }) {
  material.onBeforeCompile = (shader) => {
    shader.uniforms.other = { value: new THREE.Color().setRGB(...colour) };
    shader.uniforms.waves = { value: new THREE.Vector3(...waves) };
    shader.vertexShader = shader.vertexShader
      .replace("#include <common>", "#include <common>\nvarying vec3 vAt;")
      .replace("#include <begin_vertex>", "#include <begin_vertex>\nvAt = position;");
    shader.fragmentShader = shader.fragmentShader
      .replace(
        "#include <common>",
        "#include <common>\nvarying vec3 vAt; uniform vec3 other; uniform vec3 waves;",
      )
      .replace(
        "#include <color_fragment>",
        `#include <color_fragment>
        vec3 wave = sin(vAt * waves);
        if (wave.x + wave.y + wave.z > 0.4) diffuseColor.rgb = other;`,
      );
  };
  material.customProgramCacheKey = () => "patterned";
}

/** The character at `url`; where it is at rest. */
window.load = async (url) => {
  if (rig) scene.remove(rig);
  rig = (await loader.loadAsync(url)).scene;
  rig.updateMatrixWorld(true);
  bones = new Map();
  rig.traverse((o) => {
    if (o.isBone) bones.set(o, o.matrixWorld.clone());
    if (!o.isSkinnedMesh) return;
    o.castShadow = o.receiveShadow = true;
    o.frustumCulled = false;
    o.material = new THREE.MeshLambertMaterial({ name: o.material.name, color: o.material.color });
    o.updateMatrixWorld = () => {};
  });
  for (const bone of bones.keys()) bone.matrixAutoUpdate = bone.matrixWorldAutoUpdate = false;
  scene.add(rig);
  const names = [];
  rig.traverse((o) => o.isSkinnedMesh && names.push(o.material.name));
  return [...new Set(names)];
};

window.scene = ({ colours, patterns, wall, ground, ...rest }) => {
  rig.traverse((o) => {
    if (!o.isSkinnedMesh) return;
    const { name } = o.material;
    if (colours[name]) o.material.color.setRGB(...colours[name]);
    if (patterns[name]) patterned(o.material, patterns[name]);
  });
  scene.background = patches(wall);
  floor.material.map = patches(ground);
  floor.material.needsUpdate = true;
  arrange(rest);
};

/**
 * Pictures of frames. Each frame has, by bone, the rows of the affine map from where things are at
 * rest to where they are; a bone without one goes with its parent.
 */
window.draw = (names, frames) =>
  frames.map(({ middle, moves }) => {
    const of = new Map(names.map((name, n) => [name, moves[n]]));
    const moved = new Map();
    for (const [bone, rest] of bones) {
      const m = of.get(bone.name);
      const move = m ? new THREE.Matrix4().set(...m, 0, 0, 0, 1) : moved.get(bone.parent);
      if (!move) continue;
      moved.set(bone, move);
      bone.matrixWorld.multiplyMatrices(move, rest);
    }
    return picture(middle, 0.9);
  });

window.ready = true;
