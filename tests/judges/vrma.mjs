// How three-vrm plays a VRM animation on a VRM character: world positions of the bones, weights of
// the expressions and the gaze at the given times.
// echo '[0, 0.1]' | node vrma.mjs CHARACTER.vrm ANIMATION.vrma   (from web/node_modules)
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

globalThis.self ??= globalThis; // the loader asks for a browser's global object
const modules = new URL("../../web/node_modules/", import.meta.url);
const THREE = await import(new URL("three/build/three.module.js", modules));
const { GLTFLoader } = await import(new URL("three/examples/jsm/loaders/GLTFLoader.js", modules));
const { VRMLoaderPlugin } = await import(
  new URL("@pixiv/three-vrm/lib/three-vrm.module.js", modules)
);
const { VRMAnimationLoaderPlugin, VRMLookAtQuaternionProxy, createVRMAnimationClip } = await import(
  new URL("@pixiv/three-vrm-animation/lib/three-vrm-animation.module.js", modules)
);
const times = JSON.parse(readFileSync(0, "utf8"));
const [character, animation] = process.argv.slice(2);

async function load(path, plugin) {
  const loader = new GLTFLoader();
  // Pictures need a browser, and nothing here looks at them.
  loader.register(() => ({
    name: "plain",
    loadMaterial: async () => new THREE.MeshBasicMaterial(),
  }));
  loader.register(plugin);
  const bytes = await readFile(path);
  return loader.parseAsync(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    "",
  );
}

const { vrm } = (await load(character, (parser) => new VRMLoaderPlugin(parser))).userData;
const { vrmAnimations } = (await load(animation, (parser) => new VRMAnimationLoaderPlugin(parser)))
  .userData;
if (vrm.lookAt) {
  const proxy = new VRMLookAtQuaternionProxy(vrm.lookAt);
  proxy.name = "VRMLookAtQuaternionProxy";
  vrm.scene.add(proxy);
}
const mixer = new THREE.AnimationMixer(vrm.scene);
const action = mixer.clipAction(createVRMAnimationClip(vrmAnimations[0], vrm));
action.setLoop(THREE.LoopOnce);
action.clampWhenFinished = true;
const place = new THREE.Vector3();
const frames = times.map((time) => {
  action.reset().play();
  mixer.setTime(time);
  vrm.humanoid.update();
  vrm.scene.updateMatrixWorld(true);
  const bones = Object.keys(vrm.humanoid.humanBones);
  return {
    places: Object.fromEntries(
      bones.map((bone) => [
        bone,
        vrm.humanoid.getRawBoneNode(bone).getWorldPosition(place).toArray(),
      ]),
    ),
    expressions: Object.fromEntries(
      (vrm.expressionManager?.expressions ?? []).map((e) => [e.expressionName, e.weight]),
    ),
    gaze: vrm.lookAt ? [vrm.lookAt.yaw, vrm.lookAt.pitch] : null,
  };
});
console.log(JSON.stringify({ frames }));
