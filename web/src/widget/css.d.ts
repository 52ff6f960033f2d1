/** Style sheets come in as text, to be adopted: a strict Content-Security-Policy has nothing to forbid. */
declare module "*.css" {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: what esbuild's text loader gives
  export default text;
}
