import { defineConfig } from "vite";
import { mockAtlas } from "./dev/mock";

// `ISOGLOSS_SERVER=http://127.0.0.1:8765 npm run dev` talks to a running `isogloss explore`;
// without it a small made-up atlas answers.
const server = process.env["ISOGLOSS_SERVER"];

export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: server || process.env["VITEST"] || process.argv.includes("build") ? [] : [mockAtlas()],
  server: server ? { proxy: { "/api": { target: server, changeOrigin: true, headers: { origin: server } } } } : {},
  build: {
    outDir: "../src/isogloss/app/web/page",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rollupOptions: {
      output: {
        codeSplitting: false,
        entryFileNames: "assets/page.js",
        chunkFileNames: "assets/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  test: { environment: "node", include: ["test/**/*.test.ts"] },
} as import("vite").UserConfig);
