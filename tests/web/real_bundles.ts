/** Compiled models to test with: folders by name, in JSON, from whoever runs the tests. */
export const BUNDLES: Readonly<Record<string, string>> = JSON.parse(
  process.env.WINDOWSEAT_BUNDLES ?? "{}",
);
