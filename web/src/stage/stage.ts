// The stage: camera, light, floor. A calm studio, made in code; nothing is fetched.

import {
  BackSide,
  Color,
  DirectionalLight,
  Group,
  HemisphereLight,
  Mesh,
  MeshBasicMaterial,
  NeutralToneMapping,
  type Object3D,
  PCFShadowMap,
  PerspectiveCamera,
  PlaneGeometry,
  PMREMGenerator,
  Scene,
  SphereGeometry,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

import { Floor } from "./floor";

/** Half the height and half the width, metres, of what a person takes up with arms stretched up or aside, with some air. */
const REACH_UP = 1.3;
const REACH_ASIDE = 1.05;
/** The height, metres, of the body that these are for. */
const HEIGHT = 1.75;
/** Height of the point that the camera looks at, as part of the hips' height. */
const GAZE = 1.06;
/** How quickly the camera follows, per second: aside, and in height, where jumps and squats should be seen. */
const FOLLOW = 3;
const FOLLOW_HEIGHT = 0.8;
/** Slower than this (seconds a frame), the picture is drawn with fewer pixels. */
const TOO_SLOW = 1 / 24;
const FEWEST = 0.6;
const PLAIN = 0.8;

export class Stage {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(28, 1, 0.05, 100);
  private readonly renderer: WebGLRenderer;
  private readonly controls: OrbitControls;
  private readonly floor: Floor;
  private readonly key = new DirectionalLight(0xfff4e6, 2.1);
  /** In place of the studio's soft boxes, where those cost too much. */
  private readonly rim = new DirectionalLight(0xdfe9ff, 1);
  private readonly sky = new HemisphereLight(0xffffff, 0xffffff, 0.5);
  /** Where the camera's attention is: it eases after the avatar's hips. */
  private readonly focus = new Vector3(0, 1, 0);
  /** The body's height as part of the one that the distances above were chosen for. */
  private size = 1;
  private following = true;
  private framed = true;
  /** Drawn by the processor: see `drawnBySoftware`. */
  private readonly plain = drawnBySoftware();
  /** Pixels of the drawing for one of the page's, while the avatar moves. */
  private sharpness = this.plain ? PLAIN : Math.min(window.devicePixelRatio, 2);
  private slow = 0;

  /** Throws if the browser gives no WebGL. */
  constructor(canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({
      canvas,
      antialias: !this.plain,
      alpha: true,
      powerPreference: "high-performance",
    });
    this.renderer.toneMapping = NeutralToneMapping;
    this.renderer.shadowMap.enabled = !this.plain;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.renderer.setPixelRatio(this.sharpness);
    this.floor = new Floor(this.plain);

    this.key.castShadow = !this.plain;
    this.key.shadow.mapSize.set(1024, 1024);
    Object.assign(this.key.shadow.camera, {
      left: -1.6,
      right: 1.6,
      top: 1.6,
      bottom: -1.6,
      near: 0.5,
      far: 9,
    });
    this.key.shadow.radius = 5;
    this.key.shadow.bias = -0.0004;
    this.key.shadow.normalBias = 0.015;
    this.scene.add(this.key, this.key.target, this.sky, this.floor.object);
    if (this.plain) this.scene.add(this.rim, this.rim.target);
    else this.scene.environment = studio(this.renderer);

    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = true;
    this.controls.dampingFactor = 0.12;
    this.controls.minDistance = 0.6;
    this.controls.maxDistance = 14;
    this.controls.maxPolarAngle = Math.PI * 0.53;
    this.controls.enablePan = true;
    this.controls.addEventListener("start", () => (this.framed = false));
    this.frame();
  }

  /** Readies what is to be drawn while the page goes on: shaders are compiled beside it, where the browser can. */
  async prepare(object: Object3D): Promise<void> {
    if (!this.renderer.extensions.has("KHR_parallel_shader_compile")) return;
    await this.renderer.compileAsync(object, this.camera, this.scene);
  }

  add(object: Object3D): void {
    this.scene.add(object);
  }

  remove(object: Object3D): void {
    this.scene.remove(object);
  }

  /** Follow the avatar from now on, or stay; following again frames it anew. */
  follow(on: boolean): void {
    this.following = on;
    if (on) this.framed = true;
  }

  /** Without its floor the avatar stands before nothing. */
  showFloor(on: boolean): void {
    this.floor.object.visible = on;
  }

  /** The body's height, metres: a giant is looked at from farther away. */
  fit(height: number): void {
    this.size = height / HEIGHT;
    this.controls.minDistance = 0.6 * this.size;
    this.controls.maxDistance = 14 * Math.max(1, this.size);
    this.framed = true;
    this.frame();
  }

  colours(dark: boolean): void {
    this.floor.colours(dark);
    this.sky.color = new Color(dark ? 0xbfd0ff : 0xffffff);
    this.sky.groundColor = new Color(dark ? 0x2a2d38 : 0xe6e2da);
    this.sky.intensity = this.plain ? (dark ? 1.4 : 1.6) : dark ? 0.35 : 0.55;
    this.key.intensity = dark ? 2.3 : 2.1;
    this.rim.intensity = dark ? 1.6 : 1.0;
    this.scene.environmentIntensity = dark ? 0.5 : 0.62;
  }

  resize(width: number, height: number): void {
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / Math.max(height, 1);
    this.camera.updateProjectionMatrix();
    if (this.framed) this.frame();
  }

  /** Calls back when the browser takes the drawing away (true) and gives it back (false). */
  onLost(tell: (lost: boolean) => void): void {
    const canvas = this.renderer.domElement;
    canvas.addEventListener("webglcontextlost", () => tell(true));
    canvas.addEventListener("webglcontextrestored", () => tell(false));
  }

  /** Calls back when a hand takes hold of the camera (true) and lets go (false). */
  onTouch(tell: (held: boolean) => void): void {
    this.controls.addEventListener("start", () => tell(true));
    this.controls.addEventListener("end", () => tell(false));
  }

  /**
   * Draws. hips: what the camera follows. shades: world places that darken the floor beneath them. elapsed: seconds since the last draw.
   * resting: nothing moves any more, so there is time for every pixel.
   */
  draw(hips: Vector3, shades: readonly Vector3[], elapsed: number, resting: boolean): void {
    // At rest, two for one smooth the edges where nothing else does.
    const sharpness = resting
      ? this.plain
        ? 2
        : Math.min(window.devicePixelRatio, 2)
      : this.sharpness;
    if (this.renderer.getPixelRatio() !== sharpness) this.renderer.setPixelRatio(sharpness);
    const before = this.focus.clone();
    if (this.following) {
      const aside = 1 - Math.exp(-FOLLOW * elapsed);
      const up = 1 - Math.exp(-FOLLOW_HEIGHT * elapsed);
      this.focus.x += (hips.x - this.focus.x) * aside;
      this.focus.z += (hips.z - this.focus.z) * aside;
      // A jump is seen as a jump, and who lies down is looked at lower, but not straight at the floor.
      this.focus.y += (Math.max(0.5 * this.size, GAZE * hips.y) - this.focus.y) * up;
      if (this.framed) this.frame();
      else {
        const step = this.focus.clone().sub(before);
        this.camera.position.add(step);
        this.controls.target.add(step);
      }
    }
    this.controls.update();
    this.light(hips);
    this.floor.update(hips, shades);
    this.renderer.render(this.scene, this.camera);
  }

  /** Fewer pixels where the machine is too slow for all of them. elapsed: seconds between two of the display's frames. */
  adapt(elapsed: number): void {
    if (elapsed > 0.5) return; // a pause, not a slow frame
    this.slow = elapsed > TOO_SLOW ? this.slow + elapsed : Math.max(0, this.slow - elapsed);
    if (this.slow < 1 || this.sharpness <= FEWEST) return;
    this.slow = 0;
    this.sharpness = Math.max(FEWEST, this.sharpness * 0.8);
  }

  /** The whole body, arms spread, in the picture's middle, a little from above. */
  private frame(): void {
    const half = Math.tan((this.camera.fov * Math.PI) / 360);
    const distance =
      this.size * Math.max(REACH_UP / half, REACH_ASIDE / (half * this.camera.aspect));
    this.controls.target.copy(this.focus);
    this.camera.position
      .copy(this.focus)
      .add(new Vector3(0.1, 0.13, 1).normalize().multiplyScalar(distance));
  }

  /** The key light and its shadow go with the avatar, so that a small shadow map is always a sharp one. */
  private light(hips: Vector3): void {
    this.key.target.position.set(hips.x, 0.8, hips.z);
    this.key.position.copy(this.key.target.position).add(new Vector3(1.7, 3.6, 2.3));
    this.rim.target.position.copy(this.key.target.position);
    this.rim.position.copy(this.key.target.position).add(new Vector3(-2.5, 2.2, -2.6));
  }
}

/**
 * Whether there is no graphics card behind WebGL (a virtual machine, a remote desktop). The processor that draws is then the one that
 * detects, too: the stage goes without smoothed edges, reflections and the key light's shadow, which cost it most (measured on two busy
 * cores: seconds at the start, and 0.23 s of processor time a frame against 0.7 s), so that the avatar keeps moving.
 */
function drawnBySoftware(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const named =
    gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER;
  const renderer = String(gl.getParameter(named));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(renderer);
}

/** The light all around: a pale dome with three soft boxes, as an environment for reflections. */
function studio(renderer: WebGLRenderer): Scene["environment"] {
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
  // Small: nothing on the stage mirrors sharply.
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
