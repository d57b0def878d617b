// Marks one bone of the avatar: a ring that is seen through the body.

import { Mesh, MeshBasicMaterial, SphereGeometry, type Vector3 } from "three";

/** Radius as part of the avatar's height. */
const SIZE = 0.022;

export class BoneMarker {
  readonly object = new Mesh(
    new SphereGeometry(1, 20, 14),
    new MeshBasicMaterial({
      color: 0xff2d78,
      depthTest: false,
      depthWrite: false,
      transparent: true,
      opacity: 0.85,
      toneMapped: false,
    }),
  );
  /** The humanoid bone that is marked. */
  bone: string | null = null;

  constructor() {
    this.object.renderOrder = 11;
    this.object.visible = false;
  }

  /** Follows the bone; `position` in world metres, null where the avatar lacks the bone. */
  update(position: Vector3 | null, height: number): void {
    this.object.visible = position !== null;
    if (!position) return;
    this.object.position.copy(position);
    this.object.scale.setScalar(SIZE * height);
  }
}
