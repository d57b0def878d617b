// How three.js reads a BVH, FBX or GLB file: the world positions of all bones at the given times,
// as JSON.
// echo '[0, 0.1]' | node three.mjs FILE   (three from web/node_modules)
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

const modules = new URL("../../web/node_modules/three/", import.meta.url);
const THREE = await import(new URL("build/three.module.js", modules));
const file = process.argv[2];
const times = JSON.parse(readFileSync(0, "utf8"));

let root, clip;
if (file.endsWith(".bvh")) {
  const { BVHLoader } = await import(new URL("examples/jsm/loaders/BVHLoader.js", modules));
  const read = new BVHLoader().parse(await readFile(file, "utf8"));
  root = read.skeleton.bones[0];
  clip = read.clip;
} else if (file.endsWith(".fbx")) {
  globalThis.window ??= globalThis;
  // Pictures are not needed, and Node has none.
  globalThis.document ??= {
    createElementNS: () => ({ addEventListener() {}, removeEventListener() {} }),
  };
  const { FBXLoader } = await import(new URL("examples/jsm/loaders/FBXLoader.js", modules));
  const bytes = await readFile(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  root = new FBXLoader().parse(buffer, "");
  clip = root.animations.at(-1);
} else {
  globalThis.self ??= globalThis; // the loader asks for a browser's global object
  const { GLTFLoader } = await import(new URL("examples/jsm/loaders/GLTFLoader.js", modules));
  const bytes = await readFile(file);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const read = await new GLTFLoader().parseAsync(buffer, "");
  root = read.scene;
  clip = read.animations.at(-1);
}

const mixer = new THREE.AnimationMixer(root);
const action = mixer.clipAction(clip);
action.setLoop(THREE.LoopOnce);
action.clampWhenFinished = true;
action.play();

const bones = [];
root.traverse((node) => node.isBone && node.name !== "ENDSITE" && bones.push(node));
const place = new THREE.Vector3();
const frames = times.map((time) => {
  // Set each time: a finished action does not run again.
  action.reset();
  mixer.setTime(time);
  root.updateMatrixWorld(true);
  return bones.map((bone) => bone.getWorldPosition(place).toArray());
});
console.log(
  JSON.stringify({ names: bones.map((bone) => bone.name), duration: clip.duration, frames }),
);
