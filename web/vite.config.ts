/// <reference types="vitest/config" />
import { defineConfig } from "vite";

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
  worker: { format: "es" },
  test: {
    include: ["src/**/*.test.ts"],
    passWithNoTests: true,
  },
});
