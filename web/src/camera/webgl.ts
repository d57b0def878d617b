// WebGL as MediaPipe needs it. Its loader turns on each extension that the context names, and waits
// each time until all drawing is done: seconds where the processor draws.

/** The extensions that change what MediaPipe does with pictures. */
const USED = /color_buffer|texture_float|float_blend/;

/** Lets WebGL contexts made after this name only the extensions that MediaPipe uses. */
export function nameFewExtensions(): void {
  const { prototype } = WebGL2RenderingContext;
  const all = prototype.getSupportedExtensions;
  const few = new WeakMap<WebGL2RenderingContext, string[] | null>();
  prototype.getSupportedExtensions = function (this: WebGL2RenderingContext) {
    if (!few.has(this)) few.set(this, all.call(this)?.filter((name) => USED.test(name)) ?? null);
    return few.get(this)!;
  };
}
