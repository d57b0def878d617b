import { defineConfig } from "vite";

// The page that needs no install: the viewer's page with its own entry point and metadata.
const DESCRIPTION =
  "Motion capture in the browser: a camera or a video moves a character. " +
  "BVH, GLB, VRMA, FBX. Nothing is uploaded.";
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
];
const HEAD = `
    <link rel="manifest" href="./manifest.webmanifest" />
    <link rel="apple-touch-icon" href="./icon-192.png" />
    <meta
      name="description"
      content="${DESCRIPTION}"
    />
    <meta
      http-equiv="Content-Security-Policy"
      content="${POLICY.join("; ")}"
    />`;

export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [
    {
      name: "site",
      transformIndexHtml: {
        order: "pre",
        handler: (html: string) =>
          html
            .replace("./src/main.ts", "./src/site/main.ts")
            .replace('<meta charset="utf-8" />', `<meta charset="utf-8" />${HEAD}`)
            .replace("<title>mocap</title>", "<title>mocap: motion capture in the browser</title>"),
      },
    },
  ],
  build: {
    outDir: "../build/site",
    emptyOutDir: true,
    target: ["es2022", "safari16.0"],
    chunkSizeWarningLimit: 2000,
  },
  worker: { format: "es" },
});
