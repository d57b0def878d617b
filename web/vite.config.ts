/// <reference types="vitest/config" />
import { defineConfig, type Plugin } from "vite";

/**
 * Ships one of three's two Draco decoders: the one for glTF. DRACOLoader.js names both, and Vite
 * bundles every file that is named.
 */
const oneDracoDecoder: Plugin = {
  name: "one-draco-decoder",
  enforce: "pre",
  transform: (code, id) =>
    id.endsWith("/DRACOLoader.js")
      ? code
          .replaceAll("'../libs/draco/draco_decoder.js'", "'../libs/draco/draco_wasm_wrapper.js'")
          .replaceAll("'../libs/draco/draco_", "'../libs/draco/gltf/draco_")
      : null,
};

export default defineConfig({
  // Relative addresses, so that the page works wherever the server hangs it.
  base: "./",
  build: {
    outDir: "../mocap/assets/viewer",
    emptyOutDir: true,
    target: ["es2022", "safari16.0"],
    // three.js alone is above Vite's default of 500 kB; the page comes from the same machine.
    chunkSizeWarningLimit: 2000,
  },
  plugins: [oneDracoDecoder],
  worker: { format: "es" },
  test: {
    include: ["src/**/*.test.ts"],
    passWithNoTests: true,
  },
});
