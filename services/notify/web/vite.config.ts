import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: the page also works behind a proxy that adds a path.
  base: "./",
  build: {
    target: "es2022",
    // Nothing inlined: the content security policy allows files from our own origin only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
