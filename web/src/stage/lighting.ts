// The light of the stage.

import {
  BackSide,
  Color,
  Group,
  Mesh,
  MeshBasicMaterial,
  PlaneGeometry,
  PMREMGenerator,
  Scene,
  SphereGeometry,
  Vector3,
  type WebGLRenderer,
} from "three";

/** The light from all around, for reflections: a pale dome with three soft boxes. */
export function studioLight(renderer: WebGLRenderer): Scene["environment"] {
  const room = new Scene();
  const dome = new Mesh(
    new SphereGeometry(10, 32, 16),
    new MeshBasicMaterial({ color: 0x8f959e, side: BackSide }),
  );
  const ground = new Mesh(new PlaneGeometry(20, 20), new MeshBasicMaterial({ color: 0x6d6a66 }));
  ground.rotation.x = -Math.PI / 2;
  ground.position.y = -2;
  const boxes = new Group();
  const places: [Vector3, number, number, number][] = [
    [new Vector3(4, 5, 5), 4, 3, 7], // key, warm side
    [new Vector3(-6, 3, 2), 3, 5, 3], // fill
    [new Vector3(0, 4, -7), 7, 1.5, 9], // rim from behind
  ];
  for (const [place, width, height, power] of places) {
    const box = new Mesh(
      new PlaneGeometry(width, height),
      new MeshBasicMaterial({ color: new Color(power, power, power) }),
    );
    box.position.copy(place);
    box.lookAt(0, 1, 0);
    boxes.add(box);
  }
  room.add(dome, ground, boxes);
  const generator = new PMREMGenerator(renderer);
  // Small: nothing on the stage has sharp reflections.
  const map = generator.fromScene(room, 0, 0.1, 100, { size: 64 }).texture;
  generator.dispose();
  room.traverse((object) => {
    if (object instanceof Mesh) {
      object.geometry.dispose();
      object.material.dispose();
    }
  });
  return map;
}
