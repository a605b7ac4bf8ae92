// One bundle for all three homes: an ES module that mounts itself where a page asks for it, and exports the widget.
import { defineConfig } from "vite";

export default defineConfig({
  // A linked node_modules must build the same page as an own one: its paths stand in the comments of the bundle.
  resolve: { preserveSymlinks: true },
  build: {
    outDir: "../src/retort/studio/static",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    reportCompressedSize: false,
    lib: { entry: "src/main.ts", formats: ["es"], fileName: () => "page.js", cssFileName: "page" },
  },
});
