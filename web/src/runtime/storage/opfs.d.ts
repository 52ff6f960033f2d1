// TypeScript 7's DOM library leaves out what only workers have, and `move`. Optional: not every place has them.
interface FileSystemSyncAccessHandle {
  readonly read: (buffer: Uint8Array<ArrayBuffer>, options: { readonly at: number }) => number;
  readonly write: (buffer: Uint8Array<ArrayBuffer>, options: { readonly at: number }) => number;
  readonly truncate: (bytes: number) => void;
  readonly getSize: () => number;
  readonly close: () => void;
}
interface FileSystemFileHandle {
  readonly createSyncAccessHandle?: () => Promise<FileSystemSyncAccessHandle>;
  readonly move?: (folder: FileSystemDirectoryHandle, name: string) => Promise<void>;
}
