// The npm package: one module with its workers inside, so that a page asks for nothing when a stream begins.
import { defineConfig } from 'vite';

export default defineConfig({
  publicDir: false,
  build: {
    outDir: 'dist',
    emptyOutDir: false,
    target: 'es2023',
    lib: { entry: 'web/index.ts', formats: ['es'], fileName: 'index' },
  },
});
