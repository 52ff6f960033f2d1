/** Has the browser save a text as a file. */
export function saveFile(name: string, type: string, content: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  // Names of files may hold neither of these anywhere.
  link.download = name
    .replace(/[\p{C}/\\:*?"<>|]/gu, " ")
    .trim()
    .slice(0, 100);
  link.click();
  // Browsers that ask where to save it may look at the address later.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
