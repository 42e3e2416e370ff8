import { defineConfig } from "vitest/config";
import { licences } from "./build/licences";
import { record } from "./build/record";
import { mockAtlas } from "./dev/mock";

// `ISOGLOSS_SERVER=http://127.0.0.1:8765 npm run dev` talks to a running `isogloss explore`;
// without it a small made-up atlas answers.
const server = process.env["ISOGLOSS_SERVER"];
const OUTPUT = "../src/isogloss/app/web/page";

export default defineConfig(({ command }) => ({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [
    command === "serve" && !server && !process.env["VITEST"] ? mockAtlas() : null,
    licences(),
    record(OUTPUT),
  ],
  server: server ? { proxy: { "/api": { target: server, changeOrigin: true, headers: { origin: server } } } } : {},
  build: {
    outDir: OUTPUT,
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    chunkSizeWarningLimit: 1000,
    rollupOptions: {
      output: {
        codeSplitting: false,
        entryFileNames: "assets/page.js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
  test: { environment: "node", include: ["test/**/*.test.ts"] },
}));
