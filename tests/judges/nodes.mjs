// How three.js reads the last animation of a glTF file: the world positions of all nodes at the
// given times, as JSON, by node.
// echo '[0, 0.1]' | node nodes.mjs FILE   (three from web/node_modules)
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

globalThis.self ??= globalThis; // the loader asks for a browser's global object
const modules = new URL("../../web/node_modules/three/", import.meta.url);
const THREE = await import(new URL("build/three.module.js", modules));
const { GLTFLoader } = await import(new URL("examples/jsm/loaders/GLTFLoader.js", modules));
const times = JSON.parse(readFileSync(0, "utf8"));
const bytes = await readFile(process.argv[2]);

const loader = new GLTFLoader();
// Pictures need a browser, and nothing here looks at them.
loader.register(() => ({ name: "plain", loadMaterial: async () => new THREE.MeshBasicMaterial() }));
const read = await loader.parseAsync(
  bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  "",
);
const mixer = new THREE.AnimationMixer(read.scene);
const action = mixer.clipAction(read.animations.at(-1));
action.setLoop(THREE.LoopOnce);
action.clampWhenFinished = true;

const objects = new Map();
const weights = new Map();
read.scene.traverse((object) => {
  const index = read.parser.associations.get(object)?.nodes;
  if (index !== undefined && !objects.has(index)) objects.set(index, object);
  if (object.morphTargetInfluences)
    weights.set(index ?? read.parser.associations.get(object.parent)?.nodes, object);
});
const place = new THREE.Vector3();
const frames = times.map((time) => {
  action.reset().play();
  mixer.setTime(time);
  read.scene.updateMatrixWorld(true);
  return [
    Object.fromEntries(
      [...objects].map(([index, object]) => [index, object.getWorldPosition(place).toArray()]),
    ),
    Object.fromEntries(
      [...weights].map(([index, object]) => [index, [...object.morphTargetInfluences]]),
    ),
  ];
});
console.log(JSON.stringify({ places: frames.map((f) => f[0]), weights: frames.map((f) => f[1]) }));
