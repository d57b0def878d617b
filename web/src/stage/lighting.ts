// The light of the stage, and whether the machine can afford all of it.

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

/**
 * Whether WebGL has no graphics card (a virtual machine, a remote desktop), so that the processor
 * draws and detects. The stage then omits smoothed edges, reflections and the key light's shadow,
 * which cost most (on two busy cores: seconds at the start, and 0.7 s of processor time a frame
 * against 0.23 s without them).
 */
export function drawnBySoftware(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const named =
    gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER;
  const renderer = String(gl.getParameter(named));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}

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
