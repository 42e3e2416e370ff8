/** Writes built.json: hashes of the sources and of what was built, so that a test can compare. */

import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { Plugin } from "vite";

const ROOT = resolve(import.meta.dirname, "..");
/** What the built page depends on; `tests/page/test_page_build.py` has the same list. */
const SOURCES = ["src", "build", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

function filesBelow(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path).flatMap((name) => filesBelow(join(path, name)));
}

const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

function hashes(root: string, names: string[]): Record<string, string> {
  const files = names.flatMap((name) => filesBelow(join(root, name)));
  const named = files.map((file) => [relative(root, file).split(sep).join("/"), sha256(readFileSync(file))]);
  return Object.fromEntries(named.sort(([a], [b]) => (a! < b! ? -1 : 1)));
}

export function record(output: string): Plugin {
  return {
    name: "record",
    apply: "build",
    closeBundle() {
      const sources = Object.entries(hashes(ROOT, SOURCES));
      const written = {
        sources: sha256(sources.map(([name, hash]) => `${hash}  ${name}\n`).join("")),
        files: hashes(resolve(ROOT, output), readdirSync(resolve(ROOT, output))),
      };
      writeFileSync(join(ROOT, "built.json"), `${JSON.stringify(written, null, 2)}\n`);
    },
  };
}
