// The floor: a pool of light that fades into the page, a grid of metres, the key light's shadow,
// and soft shade beneath the body.

import type { Vector3 } from "three";
import {
  CircleGeometry,
  Color,
  CustomBlending,
  Group,
  Mesh,
  NoColorSpace,
  OneFactor,
  OneMinusSrcAlphaFactor,
  ShaderMaterial,
  ShadowMaterial,
  SrcAlphaFactor,
  Vector4,
} from "three";

/** Metres from the avatar to where the floor has faded; less where drawing is slow. */
const RADIUS = 5;
const PLAIN_RADIUS = 3.6;
/** Reach of the key light's shadow from the avatar, metres. */
const SHADOW = 2.6;
const SHADES = 8;

/**
 * Blended, but drawn before the avatar, as three.js draws what is not `transparent`: a sole that
 * is slightly below the floor stays visible.
 */
const BENEATH = {
  transparent: false,
  depthWrite: false,
  blending: CustomBlending,
  blendSrc: SrcAlphaFactor,
  blendDst: OneMinusSrcAlphaFactor,
  blendSrcAlpha: OneFactor,
  blendDstAlpha: OneMinusSrcAlphaFactor,
} as const;

const vertex = /* glsl */ `
  varying vec2 place;
  void main() {
    vec4 world = modelMatrix * vec4(position, 1.0);
    place = world.xz;
    gl_Position = projectionMatrix * viewMatrix * world;
  }
`;

const fragment = (radius: number): string => /* glsl */ `
  varying vec2 place;
  uniform vec2 centre;
  uniform vec3 pool;
  uniform float poolStrength;
  uniform vec3 line;
  uniform float lineStrength;
  uniform vec4 shades[${SHADES}]; // x, z, one over the radius squared, strength

  // The coverage of this pixel by lines of this spacing, one pixel wide at any distance.
  float grid(float spacing, vec2 pixel) {
    vec2 at = place / spacing;
    vec2 width = pixel / spacing;
    vec2 lines = 1.0 - min(abs(fract(at - 0.5) - 0.5) / width, 1.0);
    // Lines that are closer than a few pixels would shimmer: fade them.
    vec2 room = 1.0 - smoothstep(0.08, 0.35, width);
    return max(lines.x * room.x, lines.y * room.y);
  }

  void main() {
    float away = length(place - centre) / ${radius.toFixed(1)};
    float near = max(1.0 - away, 0.0);
    float fade = near * sqrt(near);
    vec2 pixel = max(fwidth(place), 1e-6);
    float lines = grid(1.0, pixel);
    float dark = 0.0;
    // Computed only near the avatar, to save time where the processor draws.
    if (away < 0.5) {
      lines = max(lines, 0.45 * (1.0 - 2.0 * away) * grid(0.25, pixel));
      for (int i = 0; i < ${SHADES}; i++) {
        vec2 d = place - shades[i].xy;
        float inside = max(1.0 - dot(d, d) * shades[i].z, 0.0);
        dark = max(dark, shades[i].w * inside * inside);
      }
    }
    lines *= lineStrength;
    // Layers from below, premultiplied: pool of light, lines, shade.
    float glow = poolStrength * fade;
    vec4 colour = vec4(pool * glow, glow);
    colour = mix(colour, vec4(line, 1.0), lines * fade);
    colour = mix(colour, vec4(0.0, 0.0, 0.0, 1.0), dark * min(1.0, 2.0 * fade));
    gl_FragColor = vec4(colour.rgb / max(colour.a, 1e-4), colour.a);
  }
`;

export class Floor {
  readonly object = new Group();
  private readonly surface: ShaderMaterial;
  private shade = 0.5;
  private readonly shadow = new ShadowMaterial(BENEATH);

  /** @param plain Smaller, and without the key light's shadow. */
  constructor(plain: boolean) {
    const radius = plain ? PLAIN_RADIUS : RADIUS;
    this.surface = new ShaderMaterial({
      vertexShader: vertex,
      fragmentShader: fragment(radius),
      ...BENEATH,
      uniforms: {
        centre: { value: [0, 0] },
        pool: { value: new Color() },
        poolStrength: { value: 1 },
        line: { value: new Color() },
        lineStrength: { value: 0.1 },
        shades: { value: Array.from({ length: SHADES }, () => new Vector4()) },
      },
    });
    const surface = new Mesh(new CircleGeometry(radius, 64), this.surface);
    surface.renderOrder = -2;
    this.object.add(surface);
    if (!plain) {
      const shadow = new Mesh(new CircleGeometry(SHADOW, 48), this.shadow);
      shadow.receiveShadow = true;
      shadow.renderOrder = -1;
      this.object.add(shadow);
    }
    this.object.rotation.x = -Math.PI / 2;
  }

  colours(dark: boolean): void {
    const u = this.surface.uniforms;
    // Screen colours: this shader has no tone mapping.
    u.pool!.value = new Color().setHex(dark ? 0x3a4150 : 0xffffff, NoColorSpace);
    u.poolStrength!.value = dark ? 0.75 : 0.9;
    u.line!.value = new Color().setHex(dark ? 0xaebbd6 : 0x5a6478, NoColorSpace);
    u.lineStrength!.value = dark ? 0.22 : 0.2;
    this.shade = dark ? 0.62 : 0.4;
    this.shadow.opacity = dark ? 0.42 : 0.2;
  }

  /** Centres the light under the hips; `shades` (world, metres) darken the floor beneath them. */
  update(hips: Vector3, shades: readonly Vector3[]): void {
    this.object.position.set(hips.x, 0, hips.z);
    const u = this.surface.uniforms;
    u.centre!.value = [hips.x, hips.z];
    (u.shades!.value as Vector4[]).forEach((slot, i) => {
      const at = shades[i];
      if (!at) return void slot.set(0, 0, 1, 0);
      // The shade widens and pales with height.
      const height = Math.max(at.y, 0);
      const radius = 0.16 + 0.85 * height;
      slot.set(at.x, at.z, 1 / radius ** 2, this.shade / (1 + 9 * height ** 2));
    });
  }
}
