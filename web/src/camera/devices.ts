// The cameras of this device, and which one was chosen on an earlier visit.

import type { CameraChoice } from "./camera";

const REMEMBERED = "mocap.camera";

/** The sizes on offer: the picture's height, pixels, and its name. */
export const HEIGHTS: Readonly<Record<string, string>> = {
  360: "640 × 360",
  720: "1280 × 720",
  1080: "1920 × 1080",
};

const DEFAULT: CameraChoice = { device: "", height: 720 };

/** The camera and size of the last visit, or the browser's default camera. */
export function rememberedCamera(): CameraChoice {
  try {
    const kept = JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}") as Partial<CameraChoice>;
    const device = typeof kept.device === "string" ? kept.device : DEFAULT.device;
    const height = String(kept.height) in HEIGHTS ? Number(kept.height) : DEFAULT.height;
    return { device, height };
  } catch {
    return DEFAULT;
  }
}

export function rememberCamera(choice: CameraChoice): void {
  localStorage.setItem(REMEMBERED, JSON.stringify(choice));
}

/** The cameras by identifier; names are known once the user has allowed a camera. */
export async function cameras(): Promise<Record<string, string>> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const found = devices.filter(({ kind }) => kind === "videoinput");
  return Object.fromEntries(
    found.map(({ deviceId, label }, i) => [deviceId, label || `Camera ${i + 1}`]),
  );
}
