/** Writes THIRD-PARTY.txt: the licence of every package of which code is in the page. */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Plugin } from "vite";

interface Package {
  name: string;
  version: string;
  license?: string;
  folder: string;
}

function packageOf(file: string): Package | null {
  if (!file.includes("node_modules")) return null;
  let folder = dirname(file.replace(/^\0+/, "").replace(/\?.*$/, ""));
  while (folder.includes("node_modules")) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest)) {
      const read = JSON.parse(readFileSync(manifest, "utf8")) as Partial<Package>;
      // Folders inside a package may hold a package.json of their own, without a version.
      if (read.name && read.version)
        return { ...(read as Package), folder };
    }
    folder = dirname(folder);
  }
  return null;
}

function licence({ folder }: Package): string {
  const name = readdirSync(folder).sort().find((file) => /^licen[cs]e/i.test(file));
  return name ? readFileSync(join(folder, name), "utf8").trim() : "(no licence file in the package)";
}

export function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle(_options, bundle) {
      const found = new Map<string, Package>();
      const sizes = new Map<string, number>();
      for (const part of Object.values(bundle)) {
        if (part.type !== "chunk") continue;
        for (const [file, { renderedLength }] of Object.entries(part.modules)) {
          if (!renderedLength) continue;
          const owner = packageOf(file);
          const name = owner?.name ?? "this page";
          sizes.set(name, (sizes.get(name) ?? 0) + renderedLength);
          if (owner) found.set(`${owner.name} ${owner.version}`, owner);
        }
      }
      if (process.env["SIZES"])
        for (const [name, size] of [...sizes].sort((a, b) => b[1] - a[1])) console.log(size, name);
      const parts = [...found.keys()].sort().map((key) => {
        const owner = found.get(key)!;
        return `${key} (${owner.license ?? "see below"})\n\n${licence(owner)}\n`;
      });
      const head = "The page of the explorer holds code of these packages.\n";
      const rule = `\n${"-".repeat(78)}\n\n`;
      this.emitFile({ type: "asset", fileName: "THIRD-PARTY.txt", source: [head, ...parts].join(rule) });
    },
  };
}
