// Adds compiled modules to archives of Python packages, for those that the page's start imports,
// because compiling them takes seconds. Tests and files for type checkers are left out.
//
//     node compile.mjs PYTHON-FOLDER ARCHIVE…

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const CODE = `
import importlib.util, io, pathlib, py_compile, sys, zipfile
import mocap.page.boot, mocap.page.product

SITE = "/lib/python3.14/site-packages/"
DATE = (1980, 1, 1, 0, 0, 0)
UNUSED = (".pyi", ".h", ".a", ".pxd", ".c")
FILES = {str(module.__file__) for module in sys.modules.values() if hasattr(module, "__file__")}

def compiled(data):
    """Return an archive with the compiled modules beside the others."""
    made = {}
    with zipfile.ZipFile(io.BytesIO(data.to_bytes())) as archive:
        for name in archive.namelist():
            if "/tests/" in name or name.endswith(("/", *UNUSED)):
                continue
            made[name] = archive.read(name)
            place = SITE + name
            if name.endswith(".py") and place in FILES:
                cache = py_compile.compile(
                    place,
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
                made[cache.removeprefix(SITE)] = pathlib.Path(cache).read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(made):
            archive.writestr(zipfile.ZipInfo(name, DATE), made[name], zipfile.ZIP_DEFLATED)
    return out.getvalue()
compiled
`;

const [folder, ...archives] = process.argv.slice(2);
const at = `${resolve(folder)}/`;
const { loadPyodide } = await import(pathToFileURL(`${at}pyodide.mjs`).href);
const options = { indexURL: at, lockFileURL: `${at}pyodide-lock.json`, packageBaseUrl: at };
const python = await loadPyodide(options);
await python.loadPackage("mocap", { messageCallback: () => undefined });
const compiled = python.runPython(CODE);
for (const archive of archives) {
  const made = compiled(new Uint8Array(readFileSync(archive)));
  writeFileSync(archive, made.toJs());
  made.destroy();
}
