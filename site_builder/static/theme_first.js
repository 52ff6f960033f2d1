// Runs before the first paint, so that a stored theme does not flash; web/src/ui/theme.ts does the rest.
try {
  document.documentElement.dataset.theme = localStorage.getItem("windowseat-theme") ?? "system";
} catch {
  // Storage is switched off: the system's theme it is.
}
