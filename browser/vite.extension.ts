// The Manifest V3 extension. Content scripts are no modules, so each is built by itself.
import { cpSync, mkdirSync } from 'node:fs';
import { build, defineConfig } from 'vite';

const script = (entry: string) => ({
  configFile: false as const,
  publicDir: false as const,
  logLevel: 'warn' as const,
  build: {
    outDir: 'dist-extension',
    emptyOutDir: false,
    target: 'es2023',
    lib: { entry: `extension/${entry}.ts`, formats: ['iife' as const], name: 'streamward', fileName: () => `${entry}.js` },
  },
});

export default defineConfig({
  publicDir: false,
  base: './',
  build: {
    outDir: 'dist-extension',
    emptyOutDir: true,
    target: 'es2023',
    lib: { entry: 'extension/frame.ts', formats: ['es'], fileName: () => 'frame.js' },
  },
  plugins: [
    {
      // An extension's pages may start workers from files only, not from text.
      name: 'streamward-workers',
      enforce: 'pre',
      transform: (code, id) => (/web\/(track|still)\.ts$/.test(id) ? code.replaceAll('?worker&inline', '?worker') : null),
    },
    {
      name: 'streamward-extension',
      async closeBundle() {
        for (const entry of ['page', 'bridge']) await build(script(entry));
        mkdirSync('dist-extension', { recursive: true });
        for (const name of ['manifest.json', 'hide.css', 'frame.html']) cpSync(`extension/${name}`, `dist-extension/${name}`);
        cpSync('../guard/policies/messenger.toml', 'dist-extension/policy.toml');
        cpSync('assets', 'dist-extension/assets', { recursive: true });
      },
    },
  ],
});
