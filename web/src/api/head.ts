import type { ModelSummary } from "../runtime/messages.ts";

/** What an answer, or each chunk of it, begins with. */
export interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export function createHead(
  prefix: "chatcmpl" | "cmpl",
  { name, variant, plan }: ModelSummary,
): Head {
  return {
    id: `${prefix}-${crypto.randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: name,
    system_fingerprint: `${variant}-${plan}`,
  };
}
