// The stage: camera, light and floor of a calm studio, all made in code.

import {
  Color,
  DirectionalLight,
  HemisphereLight,
  NeutralToneMapping,
  type Object3D,
  PCFShadowMap,
  PerspectiveCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

import { drawnBySoftware } from "../software";
import { Floor } from "./floor";
import { studioLight } from "./lighting";
import { makeMatt } from "./plain";

/** Half the height and width, metres, of a person with arms stretched up or aside, and a margin. */
const REACH_UP = 1.3;
const REACH_ASIDE = 1.05;
/** The height, metres, of the person for whom these distances are. */
const HEIGHT = 1.75;
/** Height of the point that the camera looks at, as a part of the hips' height. */
const GAZE = 1.06;
/** Speed of following, per second: aside, and in height, where jumps and squats should show. */
const FOLLOW = 3;
const FOLLOW_HEIGHT = 0.8;
/** Seconds a frame above which the picture is drawn with fewer pixels. */
const TOO_SLOW = 1 / 24;
const FEWEST = 0.6;
const PLAIN = 0.8;
/** Seconds between two drawings by the processor: it has to detect and to solve as well. */
const PAUSE = 0.1;
/** The same while detector and solver start. */
const LONG_PAUSE = 0.5;

/** A camera in the place of the user's, whose whole picture is in the middle of the canvas. */
export interface FixedCamera {
  /** Metres. */
  readonly position: readonly [number, number, number];
  /** xyzw; it looks along its −Z. */
  readonly rotation: readonly [number, number, number, number];
  /** Vertical field of view of its picture, radians. */
  readonly fov: number;
  /** Width of its picture divided by its height. */
  readonly aspect: number;
}

/** Vertical field of view of the user's camera, degrees. */
const FOV = 28;

export class Stage {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(FOV, 1, 0.05, 100);
  /** Called after each drawing, while the canvas still holds what was drawn. */
  onDrawn: ((canvas: HTMLCanvasElement) => void) | null = null;
  /** Whether detector or solver start meanwhile. */
  starting: () => boolean = () => false;
  private readonly renderer: WebGLRenderer;
  private readonly controls: OrbitControls;
  private readonly floor: Floor;
  private readonly key = new DirectionalLight(0xfff4e6, 2.1);
  /** Replaces the soft boxes where those cost too much. */
  private readonly rim = new DirectionalLight(0xdfe9ff, 1);
  private readonly sky = new HemisphereLight(0xffffff, 0xffffff, 0.5);
  /** The point that the camera looks at: it follows the avatar's hips smoothly. */
  private readonly focus = new Vector3(0, 1, 0);
  /** The avatar's height as a multiple of HEIGHT. */
  private size = 1;
  private following = true;
  private framed = true;
  private withFloor = true;
  private fixed: FixedCamera | null = null;
  /**
   * Whether the processor draws. The stage then omits smoothed edges, reflections and the key
   * light's shadow, which cost most (on two busy cores: seconds at the start, and 0.7 s of
   * processor time a frame against 0.23 s without them).
   */
  private readonly plain = drawnBySoftware();
  /** Drawn pixels for one of the page's, while the avatar moves. */
  private sharpness = this.plain ? PLAIN : Math.min(window.devicePixelRatio, 2);
  private slow = 0;

  /** Throws an Error if the browser has no WebGL. */
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
    document.documentElement.dataset.drawn = this.plain ? "software" : "card";

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
    else this.scene.environment = studioLight(this.renderer);

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

  /** Seconds to wait after a drawing. */
  get pause(): number {
    if (!this.plain || this.onDrawn) return 0;
    return this.starting() ? LONG_PAUSE : PAUSE;
  }

  /** Compiles the shaders of an object in the background, where the browser can. */
  async prepare(object: Object3D): Promise<void> {
    if (this.plain) makeMatt(object);
    if (!this.renderer.extensions.has("KHR_parallel_shader_compile")) return;
    await this.renderer.compileAsync(object, this.camera, this.scene);
  }

  add(object: Object3D): void {
    this.scene.add(object);
  }

  remove(object: Object3D): void {
    this.scene.remove(object);
  }

  /** Follows the avatar or stays; following frames the avatar again. */
  follow(on: boolean): void {
    this.following = on;
    if (on) this.framed = true;
  }

  /** Shows or hides the floor; it is hidden while the camera is fixed. */
  showFloor(on: boolean): void {
    this.withFloor = on;
    this.floor.object.visible = on && !this.fixed;
  }

  /** Looks through a fixed camera; null returns to the user's. */
  look(fixed: FixedCamera | null): void {
    const before = this.fixed;
    this.fixed = fixed;
    if (fixed) {
      this.camera.position.fromArray(fixed.position);
      this.camera.quaternion.fromArray(fixed.rotation);
    }
    if (fixed && before) this.project(); // another take: another field of view
    if (!fixed === !before) return;
    this.controls.enabled = !fixed;
    this.showFloor(this.withFloor);
    if (!fixed) this.frame();
    this.project();
  }

  /** Moves the camera for an avatar of this height, metres. */
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
    this.project();
    if (this.framed) this.frame();
  }

  private project(): void {
    const { camera, fixed } = this;
    camera.fov = FOV;
    if (fixed) {
      // Where the canvas is narrower than the picture, the picture takes a part of its height.
      const half = Math.tan(fixed.fov / 2) * Math.max(1, fixed.aspect / camera.aspect);
      camera.fov = (360 / Math.PI) * Math.atan(half);
    }
    camera.updateProjectionMatrix();
  }

  /** Calls back when the WebGL context is lost (true) and restored (false). */
  onLost(tell: (lost: boolean) => void): void {
    const canvas = this.renderer.domElement;
    canvas.addEventListener("webglcontextlost", () => tell(true));
    canvas.addEventListener("webglcontextrestored", () => tell(false));
  }

  /** Calls back when the user begins (true) and ends (false) to move the camera. */
  onTouch(tell: (held: boolean) => void): void {
    this.controls.addEventListener("start", () => tell(true));
    this.controls.addEventListener("end", () => tell(false));
  }

  /**
   * Draws a frame.
   *
   * @param hips World position, metres, which the camera follows.
   * @param shades World positions, metres, that darken the floor beneath them.
   * @param elapsed Seconds since the last frame.
   * @param resting Whether nothing moves, so that there is time for all pixels.
   */
  draw(hips: Vector3, shades: readonly Vector3[], elapsed: number, resting: boolean): void {
    // At rest, two pixels for one smooth the edges of the plain stage.
    const smooth = this.plain ? 2 : Math.min(window.devicePixelRatio, 2);
    const moving = this.onDrawn ? Math.max(this.sharpness, 1) : this.sharpness;
    const most = this.plain && this.starting() ? FEWEST : Infinity;
    const sharpness = Math.min(resting ? smooth : moving, most);
    if (this.renderer.getPixelRatio() !== sharpness) this.renderer.setPixelRatio(sharpness);
    if (!this.fixed) this.moveWith(hips, elapsed);
    this.light(hips);
    this.floor.update(hips, shades);
    this.renderer.render(this.scene, this.camera);
    this.onDrawn?.(this.renderer.domElement);
  }

  /** Moves the user's camera with the avatar. */
  private moveWith(hips: Vector3, elapsed: number): void {
    const before = this.focus.clone();
    if (this.following) {
      const aside = 1 - Math.exp(-FOLLOW * elapsed);
      const up = 1 - Math.exp(-FOLLOW_HEIGHT * elapsed);
      this.focus.x += (hips.x - this.focus.x) * aside;
      this.focus.z += (hips.z - this.focus.z) * aside;
      // Low positions are followed, but the camera never looks straight at the floor.
      this.focus.y += (Math.max(0.5 * this.size, GAZE * hips.y) - this.focus.y) * up;
      if (this.framed) this.frame();
      else {
        const step = this.focus.clone().sub(before);
        this.camera.position.add(step);
        this.controls.target.add(step);
      }
    }
    this.controls.update();
  }

  /** Draws fewer pixels on a slow machine. elapsed: seconds between two display frames. */
  adapt(elapsed: number): void {
    if (elapsed > 0.5) return; // a pause, not a slow frame
    this.slow = elapsed > TOO_SLOW ? this.slow + elapsed : Math.max(0, this.slow - elapsed);
    if (this.slow < 1 || this.sharpness <= FEWEST) return;
    this.slow = 0;
    this.sharpness = Math.max(FEWEST, this.sharpness * 0.8);
  }

  /** Puts the whole body, arms spread, in the middle, seen slightly from above. */
  private frame(): void {
    if (this.fixed) return;
    const half = Math.tan((FOV * Math.PI) / 360);
    const distance =
      this.size * Math.max(REACH_UP / half, REACH_ASIDE / (half * this.camera.aspect));
    this.controls.target.copy(this.focus);
    this.camera.position
      .copy(this.focus)
      .add(new Vector3(0.1, 0.13, 1).normalize().multiplyScalar(distance));
  }

  /** Moves the key light with the avatar, so that a small shadow map is sharp. */
  private light(hips: Vector3): void {
    this.key.target.position.set(hips.x, 0.8, hips.z);
    this.key.position.copy(this.key.target.position).add(new Vector3(1.7, 3.6, 2.3));
    this.rim.target.position.copy(this.key.target.position);
    this.rim.position.copy(this.key.target.position).add(new Vector3(-2.5, 2.2, -2.6));
  }
}
