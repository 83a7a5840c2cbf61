// The demo page, whole in one folder: any web server can serve it.
import { cpSync } from 'node:fs';
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'demo',
  base: './',
  publicDir: false,
  build: { outDir: '../dist-demo', emptyOutDir: true, target: 'es2023', modulePreload: false },
  plugins: [
    {
      name: 'streamward-files',
      closeBundle() {
        cpSync('assets', 'dist-demo/assets', { recursive: true });
        cpSync('../docs/what-we-catch.md', 'dist-demo/what-we-catch.txt');
      },
    },
  ],
});
