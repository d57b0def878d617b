// Takes in the browser's own storage (the origin's private file system), so that they survive a
// reload and a crash. Python sees a folder: older takes are links to read-only files that are read
// when they are needed; the take that is being recorded is appended to twice a second.

import type { PyodideAPI } from "pyodide";

type FileSystem = PyodideAPI["FS"];

/** The part of the API that TypeScript's library lacks in workers. */
interface SyncHandle {
  write(data: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
  getSize(): number;
}
type Handle = FileSystemFileHandle & {
  createSyncAccessHandle(): Promise<SyncHandle>;
  move?(name: string): Promise<void>;
};
type Folder = FileSystemDirectoryHandle & { values(): AsyncIterable<FileSystemHandle> };

/** The files of a take: keypoints, and pictures where they are kept. */
const SUFFIXES = [".jsonl", ".mjpg"];
const NOT_KEPT =
  "This browser does not let the page keep files (a private window?): takes are gone when the " +
  "page is closed, so export what you want to keep.";

export class TakeStore {
  /** The files of the take that is recorded, by name: where they are kept, and the bytes so far. */
  private readonly writing = new Map<string, { file: SyncHandle; done: number }>();
  private readonly stored = new Map<string, number>();
  private mounts = 0;

  private constructor(
    private readonly fs: FileSystem,
    private readonly folder: string,
    private readonly disk: Folder | null,
  ) {}

  static async open(
    fs: FileSystem,
    folder: string,
    warn: (sentence: string) => void,
  ): Promise<TakeStore> {
    fs.mkdirTree(folder);
    let disk: Folder | null = null;
    try {
      const root = await navigator.storage.getDirectory();
      disk = (await root.getDirectoryHandle("takes", { create: true })) as Folder;
    } catch {
      warn(NOT_KEPT);
    }
    const store = new TakeStore(fs, folder, disk);
    if (disk) {
      for await (const entry of disk.values()) {
        if (entry.kind !== "file") continue;
        const { size } = await (entry as Handle).getFile();
        // A crash before the first frame leaves an empty file.
        if (size > 0) await store.mount(entry as Handle);
        else await disk.removeEntry(entry.name);
      }
    }
    return store;
  }

  /** Writes what was recorded since the last call. */
  keep(): void {
    for (const name of this.writing.keys()) this.write(name);
  }

  private write(name: string): void {
    const writing = this.writing.get(name)!;
    const path = `${this.folder}/${name}`;
    const { size } = this.fs.stat(path) as { size: number };
    if (size <= writing.done) return;
    const piece = new Uint8Array(size - writing.done);
    const stream = this.fs.open(path, "r");
    this.fs.read(stream, piece, 0, piece.length, writing.done);
    this.fs.close(stream);
    writing.file.write(piece, { at: writing.done });
    writing.file.flush();
    writing.done = size;
  }

  /**
   * Brings the storage to what the folder holds, after takes were recorded, renamed or deleted.
   *
   * @param recording The name of the take that is being recorded, without suffix; "" for none.
   */
  async reconcile(recording: string): Promise<void> {
    if (!this.disk) return;
    const names = this.fs.readdir(this.folder) as string[];
    const now = SUFFIXES.map((suffix) => recording + suffix).filter((n) => names.includes(n));
    for (const [name, { file }] of this.writing) {
      if (now.includes(name)) continue;
      if (names.includes(name)) this.write(name);
      file.close();
      this.stored.set(name, this.writing.get(name)!.done);
      this.writing.delete(name);
    }
    for (const name of now) {
      if (this.writing.has(name)) continue;
      const handle = (await this.disk.getFileHandle(name, { create: true })) as Handle;
      this.writing.set(name, { file: await handle.createSyncAccessHandle(), done: 0 });
      this.write(name);
    }
    for (const suffix of SUFFIXES) await this.follow(names, suffix, now);
  }

  /** Renames or removes the stored files of a suffix as Python did. */
  private async follow(
    all: readonly string[],
    suffix: string,
    now: readonly string[],
  ): Promise<void> {
    const names = new Set(all.filter((name) => name.endsWith(suffix)));
    const stored = [...this.stored.keys()].filter((name) => name.endsWith(suffix));
    const gone = stored.filter((name) => !names.has(name));
    const come = [...names].filter((name) => !this.stored.has(name) && !now.includes(name));
    const [old] = gone;
    const [fresh] = come;
    if (old && fresh && gone.length === 1 && come.length === 1) return this.rename(old, fresh);
    for (const name of gone) {
      await this.disk!.removeEntry(name);
      this.stored.delete(name);
    }
  }

  private async rename(old: string, fresh: string): Promise<void> {
    const disk = this.disk!;
    const handle = (await disk.getFileHandle(old)) as Handle;
    if (handle.move) await handle.move(fresh);
    else {
      const data = new Uint8Array(await (await handle.getFile()).arrayBuffer());
      const to = (await disk.getFileHandle(fresh, { create: true })) as Handle;
      const file = await to.createSyncAccessHandle();
      file.write(data, { at: 0 });
      file.close();
      await disk.removeEntry(old);
    }
    this.stored.set(fresh, this.stored.get(old) ?? 0);
    this.stored.delete(old);
    // A file that was read before its move cannot be read under the old name.
    const path = `${this.folder}/${fresh}`;
    if (this.fs.isLink((this.fs.lstat(path) as { mode: number }).mode)) {
      this.fs.unlink(path);
      await this.mount((await disk.getFileHandle(fresh)) as Handle);
    }
  }

  /** Shows a stored take in Python's folder; it is read when Python reads it. */
  private async mount(handle: Handle): Promise<void> {
    const data = await handle.getFile();
    const place = `/stored/${this.mounts++}`;
    this.fs.mkdirTree(place);
    const { WORKERFS } = this.fs.filesystems as Record<string, unknown>;
    this.fs.mount(WORKERFS, { blobs: [{ name: handle.name, data }] }, place);
    this.fs.symlink(`${place}/${handle.name}`, `${this.folder}/${handle.name}`);
    this.stored.set(handle.name, data.size);
  }
}
