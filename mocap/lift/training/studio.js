// What people.js and performers.js share: a floor, boxes, lights and a camera.

import * as THREE from "three";

const renderer = new THREE.WebGLRenderer({ antialias: false, preserveDrawingBuffer: true });
document.body.append(renderer.domElement);
renderer.shadowMap.enabled = true;
const sky = new THREE.HemisphereLight();
const key = new THREE.DirectionalLight();
key.shadow.mapSize.set(512, 512);
key.shadow.normalBias = 0.02;
Object.assign(key.shadow.camera, {
  left: -2.5,
  right: 2.5,
  top: 2.5,
  bottom: -2.5,
  near: 0.5,
  far: 12,
});
const boxesGroup = new THREE.Group();
const camera = new THREE.PerspectiveCamera();
const cube = new THREE.BoxGeometry(1, 1, 1);
export const scene = new THREE.Scene();
export const floor = new THREE.Mesh(undefined, new THREE.MeshLambertMaterial());
floor.rotation.x = -Math.PI / 2;
floor.receiveShadow = true;
scene.add(sky, key, key.target, floor, boxesGroup);

/** Set lights, boxes and camera as scenes.py's look_of and Viewpoint.for_page give them. */
export function arrange({ look, boxes, size, fov, position, turn }) {
  floor.visible = look.floorSeen;
  sky.color.setRGB(...look.sky);
  sky.groundColor.setRGB(...look.ground);
  sky.intensity = look.skyStrength;
  key.intensity = look.keyStrength;
  key.castShadow = look.shadow;
  key.userData.from = look.key;
  boxesGroup.clear();
  for (const box of boxes) {
    const material = new THREE.MeshLambertMaterial({ color: new THREE.Color(...box.colour) });
    const mesh = new THREE.Mesh(cube, material);
    mesh.position.set(...box.position);
    mesh.scale.set(...box.size);
    mesh.rotation.y = box.turn;
    boxesGroup.add(mesh);
  }
  renderer.setSize(size[0], size[1], false);
  camera.fov = fov;
  camera.aspect = size[0] / size[1];
  camera.near = 0.05;
  camera.position.set(...position);
  camera.quaternion.set(...turn);
  camera.updateProjectionMatrix();
}

/** A JPEG's data URL: the scene with the key light above `middle`, the place of the hips. */
export function picture(middle, quality) {
  key.position.set(...middle).add(new THREE.Vector3(...key.userData.from));
  key.target.position.set(...middle);
  renderer.render(scene, camera);
  return renderer.domElement.toDataURL("image/jpeg", quality);
}
