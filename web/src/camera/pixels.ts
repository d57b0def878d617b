// A canvas that only keeps pictures, for MediaPipe. Its detectors calculate by the processor, but
// they get each picture through a WebGL texture and read its pixels back. Real WebGL would be slow
// where the processor draws: each call waits until the avatar is drawn.

interface Texture {
  pixels: ImageData | null;
}

/** The part of WebGL 2 that MediaPipe calls, for textures whose pixels are only read back. */
class PixelContext {
  readonly TEXTURE_2D = 0x0de1;
  readonly RGBA = 0x1908;
  readonly UNSIGNED_BYTE = 0x1401;
  readonly UNPACK_FLIP_Y_WEBGL = 0x9240;
  private static readonly ANSWERS: Readonly<Record<number, unknown>> = {
    7937: "pixels", // RENDERER
    7938: "WebGL 2.0", // VERSION
    34921: 16, // MAX_VERTEX_ATTRIBS
  };
  private readonly pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
  private bound: Texture | null = null;
  private shown: Texture | null = null;

  createTexture = (): Texture => ({ pixels: null });
  bindTexture(_target: number, texture: Texture | null): void {
    this.bound = texture;
  }

  /** Keeps a picture in the bound texture. */
  texImage2D(...given: readonly unknown[]): void {
    const picture = given.at(-1) as ImageBitmap | OffscreenCanvas;
    const { width, height } = picture;
    const { canvas } = this.pen;
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
    }
    this.pen.drawImage(picture, 0, 0);
    if (this.bound) this.bound.pixels = this.pen.getImageData(0, 0, width, height);
  }

  framebufferTexture2D(_target: number, _at: number, _kind: number, texture: Texture | null): void {
    this.shown = texture;
  }

  /** Copies the whole picture of the framebuffer's texture, its first row first. */
  readPixels(...given: readonly unknown[]): void {
    const [to, offset] = given.slice(6) as [Uint8Array, number?];
    if (this.shown?.pixels) to.set(this.shown.pixels.data, offset);
  }

  getParameter = (name: number): unknown => PixelContext.ANSWERS[name] ?? 0;
  getContextAttributes = () => ({ alpha: true });
  getSupportedExtensions = (): string[] => [];
  getExtension = (): null => null;
  getError = (): number => 0;
  isContextLost = (): boolean => false;
  createFramebuffer = (): object => ({});
  fenceSync = (): object => ({});
  activeTexture(): void {}
  texParameteri(): void {}
  pixelStorei(): void {}
  bindFramebuffer(): void {}
  deleteFramebuffer(): void {}
  deleteTexture(): void {}
  deleteSync(): void {}
}

/** Returns a canvas for one detector. */
export function pixelCanvas(): OffscreenCanvas {
  const context = new PixelContext();
  return Object.assign(new OffscreenCanvas(1, 1), {
    getContext: () => context as unknown as OffscreenRenderingContext,
  }) as OffscreenCanvas;
}
