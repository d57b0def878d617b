// Pictures of characters that move.

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";

const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
document.body.append(renderer.domElement);
renderer.shadowMap.enabled = true;
renderer.shadowMap.type = THREE.PCFSoftShadowMap;
renderer.toneMapping = THREE.ACESFilmicToneMapping;

const scene = new THREE.Scene();
scene.background = new THREE.Color(0x93a3b3);
const surroundings = new THREE.PMREMGenerator(renderer);
scene.environment = surroundings.fromScene(new RoomEnvironment(), 0.04).texture;
scene.environmentIntensity = 0.6;
const key = new THREE.DirectionalLight(0xfff1e0, 2.4);
key.castShadow = true;
key.shadow.mapSize.set(4096, 4096);
key.shadow.radius = 4;
key.shadow.bias = -0.0004;
key.shadow.normalBias = 0.02;
scene.add(key, key.target);
const rim = new THREE.DirectionalLight(0xcfe4ff, 1.4);
rim.position.set(-2.5, 2.8, -3);
scene.add(rim);
const floor = new THREE.Mesh(
  new THREE.CircleGeometry(60, 64),
  new THREE.MeshStandardMaterial({ color: 0x8a949e, roughness: 0.9 }),
);
floor.rotation.x = -Math.PI / 2;
floor.receiveShadow = true;
scene.add(floor);
const camera = new THREE.PerspectiveCamera();

// Each character stands in a holder that turns it to face +Z, scales it and moves it to its
// place; `time` is a time in its last animation.
let cast = [];
window.load = async (characters) => {
  for (const { holder } of cast) scene.remove(holder);
  cast = await Promise.all(
    characters.map(async ({ url, yaw, scale }) => {
      const { scene: model, animations } = await new GLTFLoader().loadAsync(url);
      model.traverse((o) => {
        if (o.isMesh) {
          o.castShadow = o.receiveShadow = true;
          o.frustumCulled = false;
        }
      });
      const holder = new THREE.Group();
      holder.rotation.y = yaw;
      holder.scale.setScalar(scale);
      holder.add(model);
      scene.add(holder);
      const mixer = new THREE.AnimationMixer(model);
      if (animations.length) mixer.clipAction(animations[animations.length - 1]).play();
      return { holder, mixer };
    }),
  );
};
window.draw = ({ times, places, light, position, target, fov, size }) => {
  cast.forEach(({ holder, mixer }, i) => {
    mixer.setTime(times[i]);
    holder.position.set(...places[i]);
  });
  renderer.setSize(size[0], size[1], false);
  camera.fov = fov;
  camera.aspect = size[0] / size[1];
  camera.near = 0.05;
  camera.far = 100;
  camera.position.set(...position);
  camera.lookAt(...target);
  camera.updateProjectionMatrix();
  const reach = light;
  Object.assign(key.shadow.camera, {
    left: -reach,
    right: reach,
    top: reach,
    bottom: -reach,
    near: 0.5,
    far: 30,
  });
  key.shadow.camera.updateProjectionMatrix();
  key.target.position.set(target[0], 0.5, target[2]);
  key.position.set(target[0] + 4, 8, target[2] + 6);
  scene.fog = new THREE.Fog(
    scene.background,
    camera.position.distanceTo(new THREE.Vector3(...target)) + 4,
    40,
  );
  renderer.render(scene, camera);
  return renderer.domElement.toDataURL("image/png");
};
window.ready = true;
