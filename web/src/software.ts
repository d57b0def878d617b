// Whether the processor draws in the graphics card's place.

let found: boolean | null = null;

/**
 * Whether WebGL has no graphics card (a virtual machine, a remote desktop), so that the processor
 * draws and detects.
 */
export function drawnBySoftware(): boolean {
  found ??= /swiftshader|llvmpipe|softpipe|software|basic render/i.test(rendererName());
  return found;
}

function rendererName(): string {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "";
  const named =
    gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER;
  const name = String(gl.getParameter(named));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return name;
}
