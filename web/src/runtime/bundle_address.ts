/** The address that a bundle is kept under, however its folder was given: absolute, without a slash at its end; a path in Node stays. */
export function bundleAddress(folder: string): string {
  const { location } = globalThis;
  return (location ? new URL(folder, location.href).href : folder).replace(/\/+$/, "");
}
