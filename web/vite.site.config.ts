import { defineConfig, type HtmlTagDescriptor, type Plugin } from "vite";

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

/** The parts of the viewer that the page imports when its workers have started. */
const LATER = /src\/(main|site\/page)\.ts$/;

/** Has the browser fetch these parts at once. */
const preload: Plugin = {
  name: "preload",
  transformIndexHtml: {
    order: "post",
    handler: (_html, { bundle }): HtmlTagDescriptor[] => {
      const chunks = Object.values(bundle ?? {}).flatMap((made) =>
        made.type === "chunk" && LATER.test(made.facadeModuleId ?? "") ? [made] : [],
      );
      const files = new Set(chunks.flatMap(({ fileName, imports }) => [fileName, ...imports]));
      // The page begins with the others.
      const later = [...files].filter((name) => !/\/index-/.test(name));
      return later.map((name) => ({
        tag: "link",
        attrs: { rel: "modulepreload", href: `./${name}` },
        injectTo: "head",
      }));
    },
  },
};

export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [
    preload,
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
