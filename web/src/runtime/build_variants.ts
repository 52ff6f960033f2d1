import { type BuiltKernel, buildKernels } from "./bind.ts";
import type { Gpu } from "./gpu.ts";
import type { Choice, Choices } from "./variants.ts";

/** A variant whose kernels are compiled. */
export interface BuiltVariant {
  readonly choice: Choice;
  readonly kernels: readonly BuiltKernel[];
}

/**
 * Compiles the kernels of all variants side by side, and gives those that compile, in their order.
 *
 * A driver may reject what only one of them asks for, such as subgroups. It fails where nothing is left.
 */
export async function buildVariants(
  gpu: Gpu,
  choices: Choices,
  onKernel: () => void,
): Promise<readonly BuiltVariant[]> {
  const failures: unknown[] = [];
  const compile = async (choice: Choice): Promise<BuiltVariant | null> => {
    try {
      return { choice, kernels: await buildKernels(gpu, choice.plan, onKernel) };
    } catch (error) {
      failures.push(error);
      return null;
    }
  };
  const variants = await Promise.all(choices.map(compile));
  const built = variants.filter((each) => each !== null);
  if (built.length === 0) throw failures[0];
  return built;
}
