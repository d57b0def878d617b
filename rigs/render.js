// Pictures of the mannequin in a pose.

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";

// A draft has no smooth edges, shadows and reflections: a third of a software renderer's
// work. The benchmarks render many pictures as drafts.
const draft = location.search === "?draft";
const renderer = new THREE.WebGLRenderer({ antialias: !draft, preserveDrawingBuffer: true });
document.body.append(renderer.domElement);
renderer.shadowMap.enabled = !draft;
renderer.shadowMap.type = THREE.PCFSoftShadowMap;
renderer.toneMapping = THREE.ACESFilmicToneMapping;
renderer.toneMappingExposure = 1.0;

const scene = new THREE.Scene();
const wall = new THREE.Color(0x93a3b3);
scene.background = wall;
scene.fog = draft ? new THREE.Fog(wall, 8, 20) : new THREE.Fog(wall, 6, 14);
if (draft) {
  scene.add(new THREE.HemisphereLight(0xe8eef4, 0xa0a4a8, 1.8));
} else {
  const surroundings = new THREE.PMREMGenerator(renderer);
  scene.environment = surroundings.fromScene(new RoomEnvironment(), 0.04).texture;
  scene.environmentIntensity = 0.45;
}

const key = new THREE.DirectionalLight(0xfff1e0, 2.6);
key.position.set(2.2, 4.2, 3.2);
key.castShadow = true;
key.shadow.mapSize.set(2048, 2048);
key.shadow.radius = 6;
key.shadow.bias = -0.0004;
key.shadow.normalBias = 0.01;
Object.assign(key.shadow.camera, {
  left: -2.2,
  right: 2.2,
  top: 2.6,
  bottom: -1.6,
  near: 0.5,
  far: 12,
});
scene.add(key, key.target);
const rim = new THREE.DirectionalLight(0xcfe4ff, 1.6);
rim.position.set(-2.5, 2.8, -3);
scene.add(rim);
const stone = draft
  ? new THREE.MeshLambertMaterial({ color: 0x9aa29c })
  : new THREE.MeshStandardMaterial({ color: 0x8a949e, roughness: 0.9 });
const floor = new THREE.Mesh(new THREE.CircleGeometry(40, 64), stone);
floor.rotation.x = -Math.PI / 2;
floor.receiveShadow = true;
scene.add(floor);
const camera = new THREE.PerspectiveCamera();

let rig;
window.draw = ({ root, rotations, scales, expressions, position, target, fov, size }) => {
  renderer.setSize(size[0], size[1], false);
  camera.fov = fov;
  camera.aspect = size[0] / size[1];
  camera.near = 0.05;
  camera.position.set(...position);
  camera.lookAt(...target);
  camera.updateProjectionMatrix();
  for (const [name, q] of Object.entries(rotations))
    rig.getObjectByName(name)?.quaternion.set(...q);
  for (const [name, s] of Object.entries(scales)) rig.getObjectByName(name).scale.setScalar(s);
  rig.traverse((o) => {
    for (const [name, n] of Object.entries(o.morphTargetDictionary ?? {}))
      o.morphTargetInfluences[n] = expressions[name] ?? 0;
  });
  rig.getObjectByName("hips").position.set(...root);
  key.position.set(root[0] + 2.2, 4.2, root[2] + 3.2);
  key.target.position.set(root[0], 0.9, root[2]);
  renderer.render(scene, camera);
  return draft
    ? renderer.domElement.toDataURL("image/jpeg", 0.92)
    : renderer.domElement.toDataURL("image/png");
};

try {
  const { scene: model } = await new GLTFLoader().loadAsync("./rig.glb");
  rig = model;
  rig.traverse((o) => {
    if (o.isMesh) {
      o.castShadow = o.receiveShadow = true;
      o.frustumCulled = false;
      if (draft)
        o.material = new THREE.MeshLambertMaterial({
          map: o.material.map,
          color: o.material.color,
          vertexColors: o.material.vertexColors,
        });
    }
  });
  scene.add(rig);
  window.ready = true;
} catch (error) {
  window.ready = String(error);
}
