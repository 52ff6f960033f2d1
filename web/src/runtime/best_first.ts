/** Variants for software come before all others on an adapter that computes on the CPU, and run nowhere else. */
export function bestFirst<T extends { readonly software: boolean }>(
  variants: readonly T[],
  software: boolean,
): readonly T[] {
  const others = variants.filter((variant) => !variant.software);
  return software ? [...variants.filter((variant) => variant.software), ...others] : others;
}
