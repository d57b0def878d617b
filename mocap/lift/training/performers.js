// The mannequin with many bodies before many cameras.

import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { arrange, floor, picture, scene } from "./studio.js";

floor.geometry = new THREE.PlaneGeometry(60, 60);
let rig,
  meshes = [],
  rest;

/**
 * The mannequin with its joints moved: each vertex goes with the new places of its bones,
 * stretched along and across them.
 */
function reshape(offsets, stretch) {
  for (const [name, offset] of Object.entries(offsets))
    rig.getObjectByName(name).position.set(...offset);
  for (const name of Object.keys(offsets)) rig.getObjectByName(name).quaternion.identity();
  rig.updateMatrixWorld(true);
  const places = rest.bones.map((bone) =>
    new THREE.Vector3().setFromMatrixPosition(bone.matrixWorld),
  );
  const stretches = rest.bones.map((bone) => new THREE.Vector3(...stretch[bone.name]));
  const from = new THREE.Vector3(),
    part = new THREE.Vector3(),
    to = new THREE.Vector3();
  for (const { mesh, vertices, joints, weights } of meshes) {
    const position = mesh.geometry.attributes.position;
    for (let v = 0; v < position.count; v++) {
      to.set(0, 0, 0);
      from.fromArray(vertices, 3 * v);
      for (let k = 0; k < 4; k++) {
        const weight = weights[4 * v + k],
          bone = joints[4 * v + k];
        if (weight > 0)
          to.addScaledVector(
            part.copy(from).sub(rest.places[bone]).multiply(stretches[bone]).add(places[bone]),
            weight,
          );
      }
      position.setXYZ(v, to.x, to.y, to.z);
    }
    position.needsUpdate = true;
    mesh.geometry.computeVertexNormals();
    mesh.skeleton.boneInverses.forEach((inverse, bone) =>
      inverse.makeTranslation(...places[bone].clone().negate()),
    );
  }
}

window.scene = ({ offsets, stretch, colours, ...rest }) => {
  reshape(offsets, stretch);
  for (const { mesh } of meshes)
    if (colours[mesh.material.name]) mesh.material.color.setRGB(...colours[mesh.material.name]);
  scene.background = new THREE.Color().setRGB(...rest.look.background);
  floor.material.color.setRGB(...rest.look.floor);
  arrange(rest);
};

window.draw = (names, poses) =>
  poses.map(({ root, rotations }) => {
    names.forEach((name, n) => rig.getObjectByName(name).quaternion.set(...rotations[n]));
    rig.getObjectByName("hips").position.set(...root);
    return picture(root, 0.85);
  });

try {
  const { scene: model } = await new GLTFLoader().loadAsync("./rig.glb");
  rig = model;
  rig.traverse((o) => {
    if (!o.isSkinnedMesh) return;
    o.castShadow = o.receiveShadow = true;
    o.frustumCulled = false;
    const plain = new THREE.MeshLambertMaterial({ color: o.material.color, name: o.material.name });
    o.material = plain;
    const { position, skinIndex, skinWeight } = o.geometry.attributes;
    const read = (a, size) =>
      Float32Array.from({ length: a.count * size }, (_, n) =>
        a.getComponent(Math.floor(n / size), n % size),
      );
    meshes.push({
      mesh: o,
      vertices: read(position, 3),
      joints: read(skinIndex, 4),
      weights: read(skinWeight, 4),
    });
    const places = o.skeleton.boneInverses.map((m) =>
      new THREE.Vector3().setFromMatrixPosition(m).negate(),
    );
    rest = { bones: o.skeleton.bones, places };
  });
  // Primitives share their vertices: each gets its own, so that none is moved twice.
  for (const m of meshes) {
    m.mesh.geometry = m.mesh.geometry.clone();
    m.mesh.geometry.setAttribute("position", new THREE.BufferAttribute(m.vertices.slice(), 3));
  }
  scene.add(rig);
  window.ready = true;
} catch (error) {
  window.ready = String(error);
}
